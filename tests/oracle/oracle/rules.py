# SPDX-License-Identifier: Apache-2.0
"""Rule files in Prometheus' shape and the subset of PromQL that their expressions are written in.

A value is None (absent) or a float. An expression is true when it is present.

    or                          lowest
    and, unless
    == != > < >= <=
    + -
    * /
    unary + -, numbers, selectors, parentheses

All binary operators associate to the left, as in PromQL.
"""
import math
import operator
import re

import xxhash
import yaml

ACTIONS = (
    "impression view share_intent share share_cancel unshare like comment save mention "
    "conversion hide report"
).split()
PLURALS = [a + "s" for a in ACTIONS]
SHARE = ACTIONS.index("share")
UNSHARE = ACTIONS.index("unshare")
ESTIMATES = ("unique_sharers", "mean_depth", "max_depth", "root_share_fraction", "share_velocity")


class RuleError(ValueError):
    """The text is not a rule file, or an expression is outside the subset."""


# ---------------------------------------------------------------- expressions

TOKEN = re.compile(
    r"""
      (?P<space> \s+ | \#[^\n]*)
    | (?P<number> 0[xX][0-9a-fA-F]+ | (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<word> [A-Za-z_:][A-Za-z0-9_:]*)
    | (?P<string> "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | `[^`]*`)
    | (?P<op> == | != | >= | <= | =~ | !~ | [-+*/()<>{},=%^\[\]])
    """,
    re.X,
)

PRECEDENCE = [
    ("or",),
    ("and", "unless"),
    ("==", "!=", ">", "<", ">=", "<="),
    ("+", "-"),
    ("*", "/"),
]
COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


def tokens(text):
    out, at = [], 0
    while at < len(text):
        m = TOKEN.match(text, at)
        if not m:
            raise RuleError(f"unexpected {text[at]!r} at {at} in {text!r}")
        if m.lastgroup != "space":
            out.append((m.lastgroup, m.group()))
        at = m.end()
    out.append(("end", ""))
    return out


def divide(a, b):
    """IEEE 754: x/0 is an infinity with the sign of both, 0/0 and nan/0 are nan."""
    if b != 0:
        return a / b
    if a == 0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


class Number:
    def __init__(self, value):
        self.value = value

    def eval(self, values):
        return self.value


class Negative:
    def __init__(self, arg):
        self.arg = arg

    def eval(self, values):
        v = self.arg.eval(values)
        return None if v is None else -v


class Selector:
    """`kind` is window, total or estimate; `values` (fold.Values) knows the figures."""

    def __init__(self, kind, name=None, action=None, window=None, channel=None):
        self.kind, self.name, self.action, self.window, self.channel = kind, name, action, window, channel

    def eval(self, values):
        if self.kind == "window":
            return float(values.window(self.action, self.window, self.channel))
        if self.kind == "total":
            return float(values.total(self.action, self.channel))
        return values.estimate(self.name)


class Binary:
    def __init__(self, op, left, right):
        self.op, self.left, self.right = op, left, right

    def eval(self, values):
        a, b = self.left.eval(values), self.right.eval(values)
        if self.op == "or":
            return b if a is None else a
        if self.op == "unless":
            return a if b is None else None
        if a is None or b is None:
            return None
        if self.op == "and":
            return a
        if self.op in COMPARE:
            return a if COMPARE[self.op](a, b) else None
        if self.op == "+":
            return a + b
        if self.op == "-":
            return a - b
        if self.op == "*":
            return a * b
        return divide(a, b)


class Parser:
    def __init__(self, text, windows):
        self.text, self.windows = text, windows
        self.tokens, self.at = tokens(text), 0

    def peek(self):
        return self.tokens[self.at]

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, what):
        kind, word = self.take()
        if word != what or kind == "string":
            raise RuleError(f"found {word!r}, expected {what!r} in {self.text!r}")

    def parse(self):
        node = self.binary(0)
        if self.peek()[0] != "end":
            raise RuleError(f"found {self.peek()[1]!r}, expected the end in {self.text!r}")
        return node

    def operator_of(self, level):
        kind, word = self.peek()
        word = word.lower() if kind == "word" else word
        return word if kind in ("op", "word") and word in PRECEDENCE[level] else None

    def binary(self, level):
        if level == len(PRECEDENCE):
            return self.unary()
        node = self.binary(level + 1)
        while (op := self.operator_of(level)) is not None:
            self.take()
            node = Binary(op, node, self.binary(level + 1))
        return node

    def unary(self):
        kind, word = self.take()
        if kind == "op" and word == "-":
            return Negative(self.unary())
        if kind == "op" and word == "+":
            return self.unary()
        if kind == "op" and word == "(":
            node = self.binary(0)
            self.expect(")")
            return node
        if kind == "number":
            return Number(float(int(word, 16)) if word[:2].lower() == "0x" else float(word))
        if kind == "word" and word.lower() in ("inf", "nan") and self.peek()[1] != "{":
            return Number(float(word))
        if kind == "word" and word.lower() not in ("and", "or", "unless", "bool", "on", "ignoring"):
            return self.selector(word)
        raise RuleError(f"found {word!r}, expected a value in {self.text!r}")

    def labels(self):
        labels = {}
        if self.peek() != ("op", "{"):
            return labels
        self.take()
        while self.peek() != ("op", "}"):
            kind, name = self.take()
            if kind != "word" or name in labels:
                raise RuleError(f"found {name!r}, expected a new label name in {self.text!r}")
            self.expect("=")
            kind, text = self.take()
            if kind != "string":
                raise RuleError(f"found {text!r}, expected a string in {self.text!r}")
            labels[name] = unquote(text)
            if self.peek() == ("op", ","):
                self.take()
            elif self.peek() != ("op", "}"):
                raise RuleError(f"found {self.peek()[1]!r}, expected , or }} in {self.text!r}")
        self.take()
        return labels

    def selector(self, name):
        labels = self.labels()
        if name in ESTIMATES:
            self.allow(name, labels, ())
            return Selector("estimate", name=name)
        total = name.endswith("_total")
        base = name[: -len("_total")] if total else name
        if base == "events":
            self.allow(name, labels, ("action", "channel") if total else ("action", "channel", "window"))
            if labels.get("action") not in ACTIONS:
                raise RuleError(f"{name}: unknown or no action in {self.text!r}")
            action = ACTIONS.index(labels["action"])
        elif base in PLURALS:
            self.allow(name, labels, ("channel",) if total else ("channel", "window"))
            action = PLURALS.index(base)
        else:
            raise RuleError(f"unknown name {name!r} in {self.text!r}")
        if total:
            return Selector("total", action=action, channel=labels.get("channel"))
        if labels.get("window") not in self.windows:
            raise RuleError(f"{name}: unknown or no window in {self.text!r}")
        if "channel" in labels and action != SHARE:
            raise RuleError(f"{name}: windows per channel are for shares only in {self.text!r}")
        return Selector(
            "window",
            action=action,
            window=self.windows.index(labels["window"]),
            channel=labels.get("channel"),
        )

    def allow(self, name, labels, allowed):
        for label in labels:
            if label not in allowed:
                raise RuleError(f"{name} has no label {label!r} in {self.text!r}")


def unquote(text):
    if text[0] == "`":
        return text[1:-1]
    simple = {
        "n": "\n",
        "t": "\t",
        "r": "\r",
        "\\": "\\",
        '"': '"',
        "'": "'",
        "a": "\a",
        "b": "\b",
        "f": "\f",
        "v": "\v",
    }

    def one(m):
        if m.group(1) not in simple:
            raise RuleError(f"unknown escape \\{m.group(1)}")
        return simple[m.group(1)]

    return re.sub(r"\\(.)", one, text[1:-1])


def first_comparison(node):
    """The comparison whose operator stands first in the text."""
    if isinstance(node, Negative):
        return first_comparison(node.arg)
    if not isinstance(node, Binary):
        return None
    left = first_comparison(node.left)
    if left is not None:
        return left
    return node if node.op in COMPARE else first_comparison(node.right)


def uses(node, name):
    if isinstance(node, Selector):
        return node.name == name
    if isinstance(node, Negative):
        return uses(node.arg, name)
    return isinstance(node, Binary) and (uses(node.left, name) or uses(node.right, name))


# ---------------------------------------------------------------- rule files

UNITS = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 7 * 86_400_000,
    "y": 365 * 86_400_000,
}


def duration_ms(text):
    """Prometheus' form: 5m, 1h30m, 500ms, 0."""
    text = str(text)
    if text == "0":
        return 0
    parts = re.findall(r"(\d+)(ms|[smhdwy])", text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise RuleError(f"not a duration: {text!r}")
    return sum(int(n) * UNITS[u] for n, u in parts)


def fold_space(text):
    return re.sub(r"[ \t\r\n\v\f]+", " ", text).strip(" ")


class Rule:
    """One alert rule. key = (name, version) is what its state in a content hangs on."""

    def __init__(
        self,
        name,
        expr,
        for_ms=0,
        reset_expr=None,
        labels=None,
        annotations=None,
        windows=("1m", "5m", "1h", "24h"),
    ):
        windows = list(windows)
        self.name, self.expr_text, self.for_ms = name, expr, for_ms
        self.reset_text = reset_expr or ""
        self.expr = Parser(expr, windows).parse()
        self.reset = Parser(reset_expr, windows).parse() if reset_expr else None
        self.labels = {k: str(v) for k, v in (labels or {}).items()}
        self.annotations = {k: str(v) for k, v in (annotations or {}).items()}
        text = "\0".join([fold_space(expr), str(for_ms), fold_space(self.reset_text)])
        self.version = xxhash.xxh3_64_hexdigest(text.encode())
        self.key = (name, self.version)
        comparison = first_comparison(self.expr)
        self.value = comparison.left if comparison else self.expr
        self.threshold = comparison.right if comparison else None

    def true(self, values):
        return self.expr.eval(values) is not None

    def may_reset(self, values):
        return self.reset is None or self.reset.eval(values) is not None

    def figures(self, values):
        return (self.value.eval(values), self.threshold.eval(values) if self.threshold else None)

    def alert_id(self, entity, topic, partition, starts_ms, offset):
        text = "\0".join(
            [self.name, self.version, entity, topic, str(partition), str(starts_ms), str(offset)]
        )
        return xxhash.xxh3_128_hexdigest(text.encode())


def load(texts, windows=("1m", "5m", "1h", "24h")):
    """Rule files (texts, in order) -> the rules on contents, in the order in which they stand."""
    out = []
    for text in [texts] if isinstance(texts, str) else texts:
        for group in (yaml.safe_load(text) or {}).get("groups") or []:
            for r in group.get("rules") or []:
                if r.get("on", r.get(True, "content")) != "content":  # YAML 1.1 reads a bare `on` as true
                    continue
                out.append(
                    Rule(
                        r["alert"],
                        str(r["expr"]),
                        duration_ms(r.get("for", 0)),
                        str(r["reset_expr"]) if r.get("reset_expr") is not None else None,
                        r.get("labels"),
                        r.get("annotations"),
                        windows,
                    )
                )
    return out
