"""The files of deploy/ against the code: settings, commands, routes, metrics and limits that are really there."""

import ast
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from campaigns.campaign import RING_SECONDS_MAXIMUM
from config import Settings
from config.settings import CONFIG_VARIABLE, SECRETS_VARIABLE, TWILIOS_OWN
from dialer.call import MESSAGE_LIMIT, CallState
from dialer.emulator.webhooks import TOTAL_SECONDS
from dialer.metrics import Metrics
from dialer.sweep import RING_MARGIN
from dialer.telephony.twilio import READ_SECONDS
from dialer.web.guard import INNER, WEBHOOK_BYTES, is_under
from tests.test_docs import COMMANDS

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
GUIDE = (DEPLOY / "README.md").read_text()
VARIABLES = {name.upper() if name in TWILIOS_OWN else f"DIALER_{name.upper()}" for name in Settings.model_fields}
VARIABLES |= {CONFIG_VARIABLE, SECRETS_VARIABLE}
SECRETS = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
SERVER_GRACE = timedelta(seconds=5)
LONGEST_STOP = (
    timedelta(seconds=RING_SECONDS_MAXIMUM + READ_SECONDS) + RING_MARGIN + MESSAGE_LIMIT + SERVER_GRACE
).total_seconds()


def directives(text: str) -> dict[str, list[str]]:
    """Every value of each key of a unit file."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith(("#", ";")):
            found.setdefault(key, []).append(value)
    return found


def instructions(text: str) -> list[tuple[str, str]]:
    """Instruction and arguments of a Dockerfile."""
    joined = re.sub(r"\\\n\s*", "", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


UNIT = directives((DEPLOY / "dialer.service").read_text())
IMAGE = instructions((DEPLOY / "Dockerfile").read_text())
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
PROXY = (DEPLOY / "nginx.conf").read_text()
PLACES = dict(re.findall(r"location (?:= )?(\S+) \{(.*?)\n    \}", PROXY, re.S))
(TWILIO_TEXT,) = re.findall(r"#ct=\d+&rt=(\d+)", (ROOT / "dialer" / "telephony" / "twilio.py").read_text())
ASKED_OF_TWILIO = int(TWILIO_TEXT) / 1000  # seconds that an answer may take
RULES = [rule for group in yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]


class TestUnit:
    def test_it_runs_the_daemon_as_nobody_of_importance(self):
        assert UNIT["ExecStart"] == ["/opt/dialer/.venv/bin/dialer run"]
        assert ("run",) in COMMANDS
        assert UNIT["User"] == ["dialer"]
        assert (UNIT["CapabilityBoundingSet"], UNIT["ProtectSystem"], UNIT["UMask"]) == ([""], ["strict"], ["0077"])

    def test_it_sets_only_what_is_read_and_no_secret(self):
        names = {value.split("=")[0] for value in UNIT["Environment"]}
        assert names <= VARIABLES
        assert not {name for name in names if name.removeprefix("DIALER_").lower() in SECRETS}

    def test_a_stop_has_the_time_that_the_last_answers_may_take(self):
        assert int(UNIT["TimeoutStopSec"][0]) >= LONGEST_STOP
        assert UNIT["KillSignal"] == ["SIGTERM"]

    @pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
    def test_systemd_understands_it(self, tmp_path):
        """The program of the unit is not installed here."""
        unit = tmp_path / "dialer.service"
        text = (DEPLOY / "dialer.service").read_text()
        unit.write_text(text.replace(UNIT["ExecStart"][0], "/bin/true").replace("/opt/dialer/deploy", str(DEPLOY)))
        done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")


class TestImage:
    def test_images_are_plain_names(self):
        images = [rest.split()[0] for word, rest in IMAGE if word == "FROM"]
        images += [service["image"] for service in COMPOSE["services"].values()]
        assert len(images) >= 4
        assert all(re.fullmatch(r"[a-z]+(:[a-z0-9.-]+)?", image) for image in images)
        assert "://" not in (DEPLOY / "Dockerfile").read_text().replace("http://127.0.0.1", "")

    def test_packages_come_from_the_lock_with_their_hashes(self):
        installs = [rest for word, rest in IMAGE if word == "RUN" and "pip install" in rest]
        assert len(installs) == 1
        assert "--require-hashes -r /requirements.lock" in installs[0]

    def test_it_holds_the_four_packages_and_starts_the_daemon(self):
        copied = {rest.split()[0] for word, rest in IMAGE if word == "COPY" and not rest.startswith("--from")}
        assert copied == {"requirements.lock", "config", "compliance", "campaigns", "dialer"}
        assert all((ROOT / source).exists() for source in copied)
        found = dict(IMAGE)
        assert (found["ENTRYPOINT"], found["CMD"]) == ('["python", "-m", "dialer"]', '["run"]')

    def test_it_is_not_root_and_sets_only_what_is_read(self):
        found = dict(IMAGE)
        assert found["USER"] not in ("root", "0")
        assert IMAGE.index(("USER", found["USER"])) < len(IMAGE) - 1
        names = re.findall(r"(DIALER_\w+|TWILIO_\w+)=", found["ENV"])
        assert names
        assert set(names) <= VARIABLES

    def test_its_health_is_asked_where_the_daemon_listens(self):
        found = dict(IMAGE)
        port = Settings.model_fields["port"].default
        assert f"http://127.0.0.1:{port}/healthz" in found["HEALTHCHECK"]
        assert found["EXPOSE"] == str(port)
        assert compile(ast.literal_eval(found["HEALTHCHECK"].partition("CMD ")[2])[2], "health", "exec")


class TestCompose:
    @pytest.mark.parametrize("name", ["dialer", "upgrade"])
    def test_a_container_of_ours_can_write_nothing_and_become_nobody(self, name):
        service = COMPOSE["services"][name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]

    def test_commands_settings_and_secrets_are_known(self):
        for name in ("dialer", "upgrade"):
            service = COMPOSE["services"][name]
            assert tuple(service["command"]) in COMMANDS
            assert set(service["environment"]) <= VARIABLES
            assert {secret.upper() for secret in service["secrets"]} <= VARIABLES
            assert not {key for key in service["environment"] if key.removeprefix("DIALER_").lower() in SECRETS}
        used = {secret for service in COMPOSE["services"].values() for secret in service["secrets"]}
        assert used == set(COMPOSE["secrets"])
        assert all(f"`{name}`" in GUIDE for name in used)

    def test_it_stops_in_the_time_that_the_last_answers_may_take(self):
        minutes = int(COMPOSE["services"]["dialer"]["stop_grace_period"].removesuffix("m"))
        assert minutes * 60 >= LONGEST_STOP

    def test_the_daemon_starts_after_the_upgrade_and_faces_this_machine_only(self):
        service = COMPOSE["services"]["dialer"]
        assert service["depends_on"] == {"upgrade": {"condition": "service_completed_successfully"}}
        port = Settings.model_fields["port"].default
        assert service["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_the_proxy_lets_through_what_the_carrier_needs_and_nothing_else():
    text, places = PROXY, PLACES
    through = {place for place, inside in places.items() if "proxy_pass" in inside}
    assert through == {"/voice/answer", "/voice/", "/healthz"}
    assert not any(is_under(place.rstrip("/"), INNER) for place in through)
    assert "return 404" in places["/"]
    assert f"client_max_body_size {WEBHOOK_BYTES // 1024}k;" in text
    assert f"\n    server 127.0.0.1:{Settings.model_fields['port'].default};" in text
    assert text.count("{") == text.count("}")


def seconds(directive: str, text: str) -> int:
    (found,) = re.findall(rf"\b{directive} (\d+)s;", text)
    return int(found)


@pytest.mark.parametrize(("place", "patience"), [("/voice/answer", ASKED_OF_TWILIO), ("/voice/", TOTAL_SECONDS)])
def test_the_proxy_has_asked_two_nodes_before_the_carrier_gives_up(place, patience):
    inside, connect = PLACES[place], seconds("proxy_connect_timeout", PROXY)
    read, until = seconds("proxy_read_timeout", inside), seconds("proxy_next_upstream_timeout", inside)
    assert read < until, "one that hangs would be the only one that is asked"
    assert 2 * read + connect <= patience
    assert "proxy_next_upstream_tries 2;" in PROXY
    assert re.search(r"proxy_next_upstream error timeout .*\bnon_idempotent;", PROXY)


def test_a_proxy_of_several_nodes_asks_somebody_when_all_have_failed():
    """As with a slow database: the message needs none."""
    nodes = re.findall(r"# server (\S+) (max_fails=[1-9]\d* fail_timeout=\d+s|backup max_fails=0);", PROXY)
    first, last = ({where for where, how in nodes if how.startswith(kind)} for kind in ("max_fails", "backup"))
    assert len(first) == 2
    assert first == last


@pytest.mark.skipif(not shutil.which("nginx"), reason="no nginx here")
@pytest.mark.parametrize("several", [False, True])
def test_nginx_understands_it(tmp_path, several):
    """The certificate of the file is not here."""
    text = re.sub(r"\n    ssl_.*|(?<=443) ssl", "", PROXY)
    if several:
        text = re.sub(r"\n    server 127.*", "", text).replace("# server", "server")
    paths = "".join(f"{name}_temp_path {name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (tmp_path / "nginx.conf").write_text(
        f"pid pid; error_log log; events {{}} http {{ access_log off; {paths}\n{text} }}"
    )
    command = ["nginx", "-t", "-p", str(tmp_path), "-c", "nginx.conf", "-e", "log"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def counted_kinds() -> set[str]:
    """Every kind of caught error that the code counts."""
    found = set()
    for file in (ROOT / "dialer").rglob("*.py"):
        found |= set(re.findall(r'(?:exchange\.|self\.exchange\.|self\._?)counts\["([a-z_]+)"\]', file.read_text()))
    return found


def exported() -> dict[str, set[str]]:
    """Every series that the daemon has, with the values of its first label where they are a fixed set."""
    metrics = Metrics()
    for kind in counted_kinds():
        metrics.caught.counts[kind] += 1
    for state in CallState:
        metrics.in_flight.labels(state.value).set(0)
    metrics.events.labels("answer").inc()
    metrics.leases.labels("campaign").set(0)
    series: dict[str, set[str]] = {"up": set()}
    for line in metrics.text().decode().splitlines():
        if not line.startswith("#"):
            name, value = re.match(r'(\w+)(?:\{\w+="([^"]*)")?', line).groups()
            series.setdefault(name, set()).add(value)
    return series


class TestAlarms:
    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
    def test_it_asks_for_series_and_labels_that_exist(self, rule):
        series, expression = exported(), rule["expr"]
        names = set(re.findall(r"\b((?:dialer|process)_\w+|up)\b", expression))
        assert names
        assert names <= set(series)
        for name, _label, values in re.findall(r'(\w+)\{(kind|state)=~?"([^"]+)"', expression):
            assert set(values.split("|")) <= series[name]
        assert expression.count("(") == expression.count(")")

    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
    def test_the_guide_says_what_it_means(self, rule):
        assert f"**{rule['alert']}**" in GUIDE
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("page", "warn")

    def test_the_guide_names_no_alarm_that_is_none(self):
        assert set(re.findall(r"\*\*(Dialer\w+)\*\*", GUIDE)) == {rule["alert"] for rule in RULES}

    def test_every_metric_and_every_kind_of_caught_error_is_explained(self):
        ours = {
            name.removesuffix("_bucket") for name in exported() if name.startswith("dialer_") and "_created" not in name
        }
        ours = {name for name in ours if not name.endswith(("_sum", "_count"))}
        assert ours == set(re.findall(r"^\| `(dialer_\w+)` \|", GUIDE, re.M))
        assert {kind for kind in counted_kinds() if f"`{kind}`" not in GUIDE} == set()

    def test_every_kind_is_in_an_alarm(self):
        asked = set(re.findall(r"[a-z_]+", " ".join(re.findall(r'kind=~"([^"]+)"', str(RULES)))))
        assert counted_kinds() <= asked


def test_the_guide_names_files_that_are_there():
    for name in re.findall(r"`([\w.-]+\.(?:service|yaml|conf)|Dockerfile)`", GUIDE):
        assert (DEPLOY / name).exists()
    assert {file.name for file in DEPLOY.iterdir() if file.name != "README.md"} <= set(re.findall(r"`([\w.]+)`", GUIDE))


def test_the_guides_settings_and_variables_exist():
    assert set(re.findall(r"\b((?:DIALER|TWILIO)_[A-Z_]+)\b", GUIDE)) <= VARIABLES
    for name in ("public_url", "database_url", "trusted_proxies", "calls_per_second", "twilio_auth_token_previous"):
        assert f"`{name}" in GUIDE
        assert name in Settings.model_fields
