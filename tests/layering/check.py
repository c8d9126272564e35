# SPDX-License-Identifier: Apache-2.0
"""Which room may use what: the layering of ARCHITECTURE.md, held against the tree.

    check.py symbols NM libvr_core.a libvr_base.a     what the core can reach
    check.py includes                                 who includes whose headers
    check.py headers CC BUILD                         every header compiles alone, and once more after itself
    check.py sizes                                    files and functions stay small
"""
import concurrent.futures
import glob
import os
import re
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
ROOMS = "base core codec config kafka redis sink http daemon ctl".split()

# ---------------------------------------------------------------- tables

# Who owns the headers of include/virality.
OWNED = {
    "base": "arena buf err event hash header json map mem point rfc3339 str time worst",
    "core": "alert engine merge rules store windows",
    "codec": "codec",
    "config": "config rulefile settings",
    "kafka": "kafka range",
    "redis": "keys owner redis switch talk writer",
    "http": "http metrics",
    "daemon": "diff events log notify",
    "ctl": "import progress simulate term",
}
# Whose headers a room may include; only daemon and ctl compose.
MAY = {
    "base": "base",
    "core": "base core",
    "codec": "base core codec",
    "config": "base core config",
    "kafka": "base kafka",
    "redis": "base core redis",
    "sink": "base core sink",
    "http": "base http",
    "daemon": " ".join(ROOMS),
    "ctl": " ".join(ROOMS),
}
# Libraries: a part of the header's path, and the rooms that may know it.
LIBRARIES = {
    "rdkafka": "kafka",
    "hiredis": "redis",
    "openssl": "redis",
    ".pb-c.h": "codec",
    "protobuf-c": "codec",
    "jansson": "codec daemon ctl",
    "yaml.h": "config",
    "microhttpd": "http",
    "xxhash": "base",
    "zlib": "ctl",
    "systemd/": "daemon",
}
# What the C library may give to base and core.
PURE = set(
    "alloca assert endian errno float inttypes limits math sanitizer/asan_interface stdalign stdarg stdbool "
    "stddef stdint stdnoreturn string".split()
)
IMPURE_BASE = {"src/base/bug.c", "src/base/diag.c", "src/base/heap.c"}

# Symbols of the C library that the core may reach: memory and strings by pointer, mathematics.
CORE_SYMBOLS = re.compile(r"_?_?(mem(chr|cmp|cpy|move|set|rchr)|str(chr|cmp|len|ncmp|nlen|rchr))(_chk)?$")
MATH = set("ceil exp exp2 floor fabs ldexp log log2 log1p log10 pow round sqrt trunc".split())
# What an instrumented or hardened build adds, and arithmetic of 128 bits.
COMPILER = re.compile(
    r"(__(asan|ubsan|tsan|sanitizer|gcov|llvm)_|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|"
    r"__tls_get_addr|__u?(div|mod|divmod)ti[34])"
)
# An own bug's last words, and a person's message as text.
EXTRA = {
    "bug.c.o": {"abort", "write"},
    "diag.c.o": {"snprintf", "vsnprintf", "__snprintf_chk", "__vsnprintf_chk"},
}

FILE_WARN, FILE_MOST, FUNCTION_MOST = 400, 600, 80


# ---------------------------------------------------------------- the tree


def files(*patterns):
    out = []
    for p in patterns:
        out += glob.glob(os.path.join(ROOT, p), recursive=True)
    return sorted(os.path.relpath(f, ROOT) for f in out)


def text_of(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def includes_of(path):
    return re.findall(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', text_of(path), re.M)


# ---------------------------------------------------------------- symbols


def members(nm, archive):
    """member -> (defined, undefined)."""
    out, name = {}, None
    listing = subprocess.run([nm, archive], capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        words = line.split()
        if line.endswith(":"):
            name = re.sub(r".*[\[/]|[\]:]", "", line)
            out[name] = (set(), set())
        elif len(words) == 2 and words[0] in "Uw":
            out[name][1].add(words[1])
        elif len(words) == 3 and words[1] in "TDBRVWC":
            out[name][0].add(words[2])
    return out


def symbols(nm, core_path, base_path):
    core, base = members(nm, core_path), members(nm, base_path)
    found = []
    where = {s: m for parts in (core, base) for m, (defined, _) in parts.items() for s in defined}
    seen, todo = set(), sorted(core)
    if len(core) < 10:
        found.append(f"{core_path}: {len(core)} members, that cannot be the core")
    while todo:
        member = todo.pop()
        if member in seen:
            continue
        seen.add(member)
        for symbol in sorted((core.get(member) or base[member])[1]):
            if symbol in where:
                todo.append(where[symbol])
            elif not (
                CORE_SYMBOLS.match(symbol)
                or symbol in MATH
                or COMPILER.match(symbol)
                or symbol in EXTRA.get(member, ())
            ):
                found.append(f"{member} uses {symbol}")
    return found


# ---------------------------------------------------------------- includes


def owner_of(header):
    stem = os.path.basename(header).rsplit(".", 1)[0]
    for room, stems in OWNED.items():
        if stem in stems.split():
            return room
    return None


def check_system(path, room, name):
    for part, allowed in LIBRARIES.items():
        if part in name:
            return [] if room in allowed.split() else [f"{path} includes <{name}>: only for {allowed}"]
    if room == "core" or (room == "base" and path not in IMPURE_BASE):
        known = name.removesuffix(".h") in PURE
        return (
            []
            if known or name in ("stdio.h", "stdlib.h") and room == "base"
            else [f"{path} includes <{name}>"]
        )
    return []


def check_include(path, room, quote, name):
    if quote == "<":
        return check_system(path, room, name)
    if name.startswith("virality/"):
        owner = owner_of(name)
        if owner is None:
            return [f"{name} has no owner in the table of {os.path.basename(__file__)}"]
        return [] if owner in MAY[room].split() else [f"{path} includes {name} of {owner}"]
    own = {os.path.basename(f) for f in files(f"src/{room}/**/*.h")}
    is_made = os.path.basename(name) == name and name == "default_rules.h" and room == "daemon"
    return (
        []
        if os.path.basename(name) in own or is_made
        else [f'{path} includes "{name}", which is not of its room']
    )


def includes():
    found, seen = [], 0
    for room in ROOMS:
        for path in files(f"src/{room}/**/*.[ch]"):
            for quote, name in includes_of(path):
                seen += 1
                found += check_include(path, room, quote, name)
    for path in files("include/virality/*"):
        owner = owner_of(path)
        if owner is None:
            found.append(f"{path} has no owner in the table of {os.path.basename(__file__)}")
            continue
        for quote, name in includes_of(path):
            seen += 1
            found += check_include(path, owner, quote, name)
    for room, stems in OWNED.items():
        for stem in stems.split():
            if not files(f"include/virality/{stem}.*"):
                found.append(f"the table names {stem} of {room}, which is not there")
    if seen < 200:
        found.append(f"only {seen} includes, that cannot be the tree")
    return found


# ---------------------------------------------------------------- headers


def packages():
    names = "rdkafka hiredis hiredis_ssl yaml-0.1 jansson libmicrohttpd zlib openssl".split()
    out = []
    for name in names:
        done = subprocess.run(["pkg-config", "--cflags", name], capture_output=True, text=True)
        if done.returncode == 0:
            out += [re.sub("^-I", "-isystem", word) for word in done.stdout.split()]
    return out


def compile_alone(cc, build, flags, path):
    room = path.split("/")[1] if path.startswith("src/") else None
    folders = [ROOT + "/include"]
    if room:
        folders += {os.path.dirname(os.path.join(ROOT, f)) for f in files(f"src/{room}/**/*.h")}
        folders += [f"{build}/src/{room}", ROOT + f"/src/{room}"]
    code = f'#include "{ROOT}/{path}"\n' * 2 + "int main(void);\n"
    command = [cc, "-x", "c", "-std=c17", "-D_GNU_SOURCE", '-DVR_VERSION="0"', "-fsyntax-only"]
    command += ["-Wall", "-Wextra", "-Wconversion", "-Werror", *flags, *(f"-I{f}" for f in folders), "-"]
    done = subprocess.run(command, input=code, capture_output=True, text=True)
    return [f"{path} does not compile alone:\n{done.stderr[:1500]}"] if done.returncode else []


def headers(cc, build):
    flags = packages()
    paths = files("include/virality/*.h", "src/**/*.h")
    if len(paths) < 40:
        return [f"only {len(paths)} headers, that cannot be the tree"]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [f for fs in pool.map(lambda p: compile_alone(cc, build, flags, p), paths) for f in fs]


# ---------------------------------------------------------------- sizes


def functions(path):
    """(name, lines) of every function: from a brace in the first column to the next that closes there."""
    begin, head = None, ""
    for i, line in enumerate(text_of(path).splitlines(), 1):
        if line.startswith("{"):
            begin = i
        elif line.startswith("}") and begin:
            yield head, i - begin + 1
            begin = None
        elif begin is None and re.match(r"[A-Za-z_].*\(", line):
            head = re.sub(r"\(.*", "", line).split()[-1].lstrip("*")


def sizes():
    found, warned, seen = [], [], 0
    for path in files("src/**/*.[ch]", "include/**/*", "tests/**/*.[ch]"):
        if not os.path.isfile(os.path.join(ROOT, path)):
            continue
        lines = text_of(path).count("\n")
        if lines > FILE_MOST:
            found.append(f"{path} has {lines} lines, more than {FILE_MOST}")
        elif lines > FILE_WARN:
            warned.append(f"{path} has {lines} lines")
        for name, n in functions(path):
            seen += 1
            if n > FUNCTION_MOST:
                found.append(f"{path}: {name} has {n} lines, more than {FUNCTION_MOST}")
    for line in warned:
        print("note:", line)
    return found if seen > 500 else found + [f"only {seen} functions, that cannot be the tree"]


# ---------------------------------------------------------------- all of it


def main(words):
    checks = {"symbols": symbols, "includes": includes, "headers": headers, "sizes": sizes}
    if not words or words[0] not in checks:
        print(__doc__, file=sys.stderr)
        return 64
    found = checks[words[0]](*words[1:])
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
