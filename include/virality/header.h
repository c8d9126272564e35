/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* header.h - one header of a Kafka record.   Ownership: borrowed from the record. */
#include "virality/str.h"

struct vr_header { struct vr_str name, value; bool has_value; };
