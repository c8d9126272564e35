# SPDX-License-Identifier: Apache-2.0
"""The pages are true: what they name exists, and what they tell to type works."""
import json
import os
import re
import shlex
import subprocess
import time

import pytest

from seeded import PASSWORDS, Stack, event
from virtest import eventually
from virtest.daemon import binary
from virtest.scratch import REPO

PAGES = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "THIRD_PARTY.md", "deploy/redis/CONTRACT.md",
         "deploy/redis/ACL.md", "deploy/rules/RULES.md", "deploy/config/REFERENCE.md"]
TEXT = {page: (REPO / page).read_text() for page in PAGES}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
DEFAULT_RULES = REPO / "deploy" / "rules" / "virald-default.yaml"
OURS = {"virald", "viralctl"}
# What a line of a page may begin with; those of others are taken as they are.
OTHERS = {"systemctl", "journalctl", "redis-cli", "VR_BUILD=build/dev"}


def blocks(page, kind):
    return [body for found, body in BLOCK.findall(TEXT[page]) if found == kind]


def shell_lines(page):
    """The lines to type, without what is remarked beside them."""
    lines = [re.sub(r"\s+# .*$", "", line) for kind in ("sh", "") for body in blocks(page, kind) for line in body.splitlines()]
    return [line for line in lines if line.strip()]


def inline_commands(page):
    spans = re.findall(r"`([^`\n]+)`", BLOCK.sub("", TEXT[page]))
    return [span for span in spans if span.split()[0] in OURS and len(span.split()) > 1]


ALL_LINES = [(page, line) for page in PAGES for line in shell_lines(page) + inline_commands(page)]


def output(*argv, code=0, env=None):
    done = subprocess.run([str(arg) for arg in argv], capture_output=True, text=True, timeout=60, cwd=REPO, check=False,
                          env={**os.environ, **(env or {})})
    assert done.returncode == code, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def help_of(program, command=None):
    return output(binary(program), *([command] if command and program == "viralctl" else []), "--help")


def commands_of(program):
    return set(re.findall(r"^  ([a-z]+) {2,}", help_of(program).split("Options:")[0], re.M))


# ------------------------------------------------------------------------------------------------ names

@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)\)", TEXT[page])
    missing = [target for target in targets if "://" not in target and not ((REPO / page).parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES)
def test_named_files_exist(page):
    named = set(re.findall(r"`((?:src|include|proto|tests|deploy|systemd)/[\w./-]*)`", TEXT[page]))
    assert not [name for name in named if not (REPO / name).exists()]


def test_named_settings_and_metrics_exist():
    reference = output(binary("virald"), "reference")
    settings = set(re.findall(r"`([a-z]+\.[a-z_]+)`", reference))
    sections = {name.split(".")[0] for name in settings}
    metrics = set(re.findall(r'"((?:virald|process)_\w+)"', (REPO / "include/virality/metrics.def").read_text()))
    for page in PAGES:
        named = {name for name in re.findall(r"`([a-z]+\.[a-z_]+)(?:: \w+)?`", TEXT[page]) if name.split(".")[0] in sections}
        named -= {name for name in named if name.endswith((".c", ".h", ".conf", ".yaml", ".service"))}
        assert named <= settings, page
        assert set(re.findall(r"`(virald_[a-z_]+)`", TEXT[page])) <= metrics, page
    assert len(settings) > 20


def test_named_keys_are_in_the_contract():
    def shape(key):
        key = re.sub(r"\$?\{[^}]*\}+", "{}", key)
        return re.sub(r"<window>|\b\d+[mh]\b", "W", key)
    contract = {shape(key) for key in re.findall(r"`(vir:[^`]+)`", TEXT["deploy/redis/CONTRACT.md"])}
    named = {shape(key.strip("'")) for key in re.findall(r"(?<![{\w*])'?(vir:[\w:<>{}$-]+)", TEXT["README.md"])}
    assert len(named) > 5
    assert named <= contract


def test_the_table_of_commands_is_whole():
    table = TEXT["README.md"][TEXT["README.md"].index("\n## Commands"):]
    for program in OURS:
        assert set(re.findall(rf"`{program} ([a-z]+)", table)) == commands_of(program)


def test_tables_of_stages_and_presets_are_whole():
    page = TEXT["CONTRIBUTING.md"]
    rows = {name for row in re.findall(r"^\| (`.+?) \|", page, re.M) for name in re.findall(r"`([\w-]+)`", row)}
    stages = {path.name.split("-", 1)[1] for path in (REPO / "tests" / "stages").iterdir()}
    assert rows == stages | presets()


def test_every_library_is_named_and_can_be_installed():
    page = TEXT["THIRD_PARTY.md"]
    installed = (REPO / "deploy" / "packages.txt").read_text().split()
    folders = {}
    for name, package, row_folders in re.findall(r"^\| ([\w ]+) \| `([\w-]+)`[^|]*\| [^|]+ \| ([^|]+) \|", page, re.M):
        folders[name] = set(re.findall(r"`(src/\w+)`", row_folders))
        assert package in installed or name == "OpenSSL", package
    pattern = re.compile(r"pkg_check_modules\(\w+ (?:REQUIRED )?IMPORTED_TARGET ([a-z_]+)")
    for path in (REPO / "src").glob("*/CMakeLists.txt"):
        for module in pattern.findall(path.read_text()):
            word = {"yaml": "libyaml", "rdkafka": "librdkafka", "hiredis_ssl": "hiredis", "openssl": "OpenSSL"}.get(module, module)
            assert f"src/{path.parent.name}" in folders[word], module


# ------------------------------------------------------------------------------------------------ lines to type

def presets():
    return {preset["name"] for preset in json.loads((REPO / "CMakePresets.json").read_text())["configurePresets"]} - {"base"}


def check_ours(words):
    program, rest = words[0], words[1:]
    command = next((word for word in rest if not word.startswith("-")), None)
    assert command in commands_of(program) or rest in (["--help"], ["--version"]), words
    text = help_of(program, command)
    for option in (word.split("=")[0] for word in rest if word.startswith("-")):
        assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text), f"{option} of {words}"


def check_script(words):
    assert os.access(REPO / words[0], os.X_OK), words
    for option in (word for word in words[1:] if word.startswith("--")):
        assert option in output(REPO / words[0], "--help"), words
    if words[0] == "tests/run" and "--only" in words:
        stages = {path.name.split("-", 1)[1] for path in (REPO / "tests" / "stages").iterdir()}
        assert set(words[words.index("--only") + 1].split(",")) <= stages
    for word in words[1:]:
        assert "/" not in word or (REPO / word).exists(), words


def check_cmake(words):
    if "--preset" in words:
        assert words[words.index("--preset") + 1] in presets()
    if "--install" in words:
        assert words[words.index("--install") + 1].split("/")[1] in presets()
    for define in (word[2:].split("=")[0] for word in words if word.startswith("-D")):
        assert re.search(rf"\b{define}\b", (REPO / "CMakeLists.txt").read_text())


@pytest.mark.parametrize("page,line", ALL_LINES)
def test_a_line_to_type_names_what_there_is(page, line):
    words = shlex.split(line)
    if words[0] in OURS:
        check_ours(words)
    elif words[0].startswith(("deploy/", "tests/")):
        check_script(words)
    elif words[0] in ("cmake", "ctest"):
        check_cmake(words)
    else:
        assert words[0] in OTHERS, f"{page}: {line}"


def test_yaml_of_the_pages_is_taken(tmp_path):
    seen = set()
    for page in ("README.md", "deploy/rules/RULES.md", "deploy/redis/ACL.md"):
        for body in blocks(page, "yaml"):
            file = tmp_path / "page.yaml"
            file.write_text(body.replace("/etc/virald/redis-password", str(tmp_path / "password")))
            (tmp_path / "password").write_text("secret\n")
            if body.startswith("groups:"):
                output(binary("viralctl"), "rules", "check", file)
            else:
                output(binary("virald"), "check", "--config", file, "--set", f"rules_files={DEFAULT_RULES}")
            seen.add(body.split(":")[0])
    assert seen == {"groups", "kafka", "redis"}


# ------------------------------------------------------------------------------------------------ typed for real

@pytest.fixture(scope="module")
def stack(kafka):
    made = Stack(kafka)
    yield made
    made.close()


@pytest.fixture
def shell(stack, tmp_path):
    """shell(line): the line as it is written, in a place where /etc/virald is this stack's."""
    def script(name, body):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    for name in OURS:
        script(name, f"exec {binary(name)} \"$@\"")
    script("redis-cli", f"exec /usr/bin/redis-cli -e -s {stack.server.socket} --user dashboard \"$@\"")
    rules = next(body for body in blocks("README.md", "yaml") if body.startswith("groups:"))
    (tmp_path / "newsroom.yaml").write_text(rules)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "REDISCLI_AUTH": PASSWORDS["dashboard"],
           "VIRALD_KAFKA__BROKERS": stack.kafka.bootstrap, "VIRALD_KAFKA__TOPICS": stack.topic,
           "VIRALD_KAFKA__GROUP_ID": stack.topic, "VIRALD_REDIS__URL": stack.server.unix_url, "VIRALD_RULES_FILES": str(tmp_path / "newsroom.yaml")}

    def run(line):
        line = line.replace("/etc/virald/rules.d/newsroom.yaml", str(tmp_path / "newsroom.yaml"))
        done = subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        return done.stdout
    return run


@pytest.mark.parametrize("line", [line for line in shell_lines("README.md") if line.startswith("redis-cli")])
def test_lines_for_a_dashboard_developer_show_something(shell, line):
    assert shell(line).strip()


@pytest.mark.parametrize("line,shown", [
    ("viralctl partitions", "running"),
    ("viralctl get top", "article-1"),
    ("viralctl alerts", "Spreading"),
    ("viralctl alerts --active", "Ripening"),
    ("viralctl rules check /etc/virald/rules.d/newsroom.yaml", "1 rule in 1 file"),
    ("viralctl simulate --rate 500 --events 1000", ""),
])
def test_lines_for_an_operator_and_a_rule_author_work(shell, line, shown):
    assert line in shell_lines("README.md")
    assert shown in shell(line)


def test_the_check_with_connections_works(stack, shell):
    assert "virald check --connect" in shell_lines("README.md")
    assert "Kafka answers" in shell(f"virald check --connect --config {stack.daemon.config_file}")


# ------------------------------------------------------------------------------------------------ the ways out of a stop

def stops_of(stack, shell):
    """partition -> what stopped it"""
    stack.daemon.check()
    rows = [json.loads(line) for line in shell("viralctl partitions --json || test $? = 1").splitlines()]
    return {row["partition"]: row["stop"]["err"] for row in rows if "stop" in row}


def take_the_way_out(stack, shell, err, partitions):
    """Wait until just these stand, then type what README's table names."""
    eventually(lambda: stops_of(stack, shell) == dict.fromkeys(partitions, err), 60, f"{partitions} stand: {err}")
    row = next(row for row in TEXT["README.md"].splitlines() if row.startswith(f"| `{err}`"))
    line = re.search(r"`(viralctl accept [^`]+)`", row)[1]
    for number in partitions:
        shell(line.replace("virality-events:3", f"{stack.topic}:{number}") + " --yes")
    stack.wait_shown()
    assert stops_of(stack, shell) == {}


def test_the_way_out_of_a_gap(stack, shell):
    stack.daemon.stop()
    now = int(time.time() * 1000)
    stack.produce([event("gone", "share", now, number) for number in range(5)], 0)
    end = stack.kafka.end_offsets(stack.topic)[0]
    stack.produce([event("stays", "share", now, number) for number in range(5)], 0)
    stack.kafka.delete_records(stack.topic, {0: end - 1})
    stack.daemon.start()
    take_the_way_out(stack, shell, "gap", [0])
    client = stack.server.client(decode=True)
    assert client.hget("vir:c:{stays}", "shares_total") == "5"
    assert client.hget("vir:c:{gone}", "shares_total") == "1"


def test_the_way_out_of_a_lost_redis(stack, shell):
    stack.daemon.stop()
    stack.server.client().flushall()
    stack.daemon.start()
    take_the_way_out(stack, shell, "state_lost", [0, 1])
    assert stack.server.client(decode=True).hget("vir:c:{stays}", "shares_total") == "5"
