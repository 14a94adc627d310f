"""Settings: four sources, one spelling, secrets that stay secret, errors that say what to do."""

from pathlib import Path
from typing import Any

import pytest

from stream.settings import SECRETS, SettingsError, load_settings, shown_url


def load(environment: Any = None, **more: Any) -> Any:
    variables = {f"STREAMGAUGE_{name}": value for name, value in (environment or {}).items()}
    return load_settings(environment=variables, **more)


def refusal(environment: Any) -> Any:
    with pytest.raises(SettingsError) as caught:
        load(environment)
    return str(caught.value)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults_are_the_contracts() -> None:
    settings = load()
    assert settings.namespace == "ml"
    assert settings.bootstrap_servers is None
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 8080)
    worker = settings.worker
    assert (worker.disorder_ms, worker.allowed_lateness_ms) == (5_000, 3_600_000)
    assert (worker.idle_timeout_ms, worker.future_skew_ms_max) == (10_000, 300_000)
    assert worker.checkpoint_ms == 500
    assert settings.topics.partitions == 4
    bounds = settings.bounds
    assert (bounds.models_max, bounds.features_max, bounds.segments_max) == (1_000, 1_000, 50)
    assert bounds.event_bytes_max == 1_000_000


def test_each_source_overrides_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "some.toml"
    file.write_text('namespace = "file"\n[http]\nport = 1\n[kafka]\n"client.id" = "file"\n')
    defaults = {"namespace": "defaults", "redis.url": "redis://defaults"}
    settings = load(
        {"HTTP__PORT": "2", "KAFKA__CLIENT_ID": "environment"},
        file=file,
        options={"namespace": "option", "http": {"host": None}},
        defaults=defaults,
    )
    assert settings.namespace == "option"
    assert settings.http.port == 2
    assert settings.http.host == "127.0.0.1"
    assert settings.kafka["client.id"] == "environment"
    assert settings.redis.url == "redis://defaults"


def test_the_file_is_found_by_option_then_variable_then_directory(tmp_path: Path) -> None:
    for name in ("streamgauge", "variable", "option"):
        (tmp_path / f"{name}.toml").write_text(f'namespace = "{name}"\n')
    assert load().namespace == "streamgauge"
    by_variable = {"CONFIG": str(tmp_path / "variable.toml")}
    assert load(by_variable).namespace == "variable"
    assert load(by_variable, file=tmp_path / "option.toml").namespace == "option"


@pytest.mark.parametrize(
    "text",
    [
        '[kafka]\n"sasl.mechanism" = "PLAIN"',
        "[kafka]\nsasl_mechanism = 'plain'",
        "[kafka]\nsasl.mechanism = 'Plain'",
        "kafka.sasl.mechanism = 'PLAIN'",
    ],
)
def test_kafka_properties_have_one_name_however_they_are_written(tmp_path: Path, text: str) -> None:
    (tmp_path / "streamgauge.toml").write_text(text)
    assert load().kafka == {"sasl.mechanism": "PLAIN"}


def test_kafka_values_become_text() -> None:
    kafka = load({"KAFKA__LINGER_MS": "5"}, options={"kafka": {"fetch.min.bytes": 1}}).kafka
    assert kafka == {"linger.ms": "5", "fetch.min.bytes": "1"}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("HTTP__PRT", "1", "did you mean 'http.port'"),
        ("KAFKA__SESION_TIMEOUT_MS", "1", "did you mean 'kafka.session.timeout.ms'"),
        ("REDIS", "redis://h", "did you mean 'redis.url'"),
        ("HTTP__PORT", "many", "http.port (STREAMGAUGE_HTTP__PORT): expected a whole number"),
        ("HTTP__PORT", "65536", "<= 65535"),
        ("WORKER__CHECKPOINT_MS", "0", "worker.checkpoint_ms"),
        ("KAFKA__SESSION_TIMEOUT_MS", "10s", "'10s' is not a whole number"),
        ("KAFKA__SECURITY_PROTOCOL", "tls", "none of plaintext, ssl"),
        ("REDIS__URL", "127.0.0.1:6379", "must start with redis://"),
        ("NAMESPACE", "a b", "namespace 'a b'"),
        ("TOPICS__RETENTION__PREDICTION", "1d", "did you mean 'topics.retention.predictions'"),
        ("TOPICS__RETENTION__LABELS", "long", "no duration"),
        ("CHANNELS", "log", "channels (STREAMGAUGE_CHANNELS): expected a table"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place_and_a_way_out(
    name: str, value: Any, words: str
) -> None:
    said = refusal({name: value})
    assert words in said
    assert "\n" not in said


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml can't be read"):
        load(file=tmp_path / "nowhere.toml")
    (tmp_path / "streamgauge.toml").write_text("namespace = ")
    with pytest.raises(SettingsError, match="is no TOML"):
        load()


def test_an_empty_variable_is_not_set() -> None:
    assert load({"REDIS__URL": "", "HTTP__TOKEN_FILE": ""}).redis.url is None


def test_retention_by_topic() -> None:
    topics = load({"TOPICS__RETENTION__PREDICTIONS": "14d"}).topics
    assert topics.retention_ms("predictions") == 14 * 86_400_000
    assert topics.retention_ms("labels") is None


def test_channels_are_kept_as_they_are_and_the_environment_adds_to_them(tmp_path: Path) -> None:
    (tmp_path / "streamgauge.toml").write_text(
        '[channels."on.call"]\ntype = "webhook"\nheaders = { "X-Api.Key" = "a" }\n'
        '[channels.log]\ntype = "log"\n[[routes]]\nchannels = ["log"]\n'
    )
    settings = load({"CHANNELS__LOG__LEVEL": "debug"})
    assert settings.channels["on.call"] == {"type": "webhook", "headers": {"X-Api.Key": "a"}}
    assert settings.channels["log"] == {"type": "log", "level": "debug"}
    assert settings.routes == [{"channels": ["log"]}]


# -- secrets ---------------------------------------------------------------------------------------


def test_a_secret_comes_from_a_file_or_a_variable(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    settings = load_settings(
        environment={
            "STREAMGAUGE_KAFKA__SASL_PASSWORD_FILE": str(secret),
            "STREAMGAUGE_HTTP__TOKEN_ENV": "TOKEN",
            "TOKEN": "t0ken",
        }
    )
    assert settings.kafka["sasl.password"] == "s3cret"
    assert settings.http.token == "t0ken"


def test_a_stronger_source_replaces_a_secret_in_whatever_way_it_gives_it(tmp_path: Path) -> None:
    (tmp_path / "streamgauge.toml").write_text('[redis]\nurl = "redis://:weak@h"\n')
    (tmp_path / "url").write_text("redis://:strong@h")
    settings = load({"REDIS__URL_FILE": str(tmp_path / "url")})
    assert settings.redis.url == "redis://:strong@h"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"HTTP__TOKEN_FILE": "/nowhere"}, "/nowhere can't be read"),
        ({"HTTP__TOKEN_FILE": "/dev/zero"}, "too large"),
        ({"HTTP__TOKEN_FILE": "/dev/null"}, "is empty"),
        ({"HTTP__TOKEN_ENV": "UNSET"}, "the variable UNSET is not set"),
        ({"HTTP__TOKEN_ENV": "UNSET", "HTTP__TOKEN": "x"}, "not set"),
        ({"HTTP__PORT_FILE": "/dev/null"}, "unknown setting"),
    ],
)
def test_a_secret_that_is_not_there_is_an_error(given: Any, words: str) -> None:
    assert words in refusal(given)


def test_a_secret_given_twice_in_one_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a")
    said = refusal({"HTTP__TOKEN": "b", "HTTP__TOKEN_FILE": str(tmp_path / "secret")})
    assert "given twice" in said


def test_no_secret_is_ever_shown() -> None:
    secret = "geheim"  # what must not appear
    settings = load(
        {
            "KAFKA__SASL_PASSWORD": secret,
            "KAFKA__SSL_KEY_PASSWORD": secret,
            "REDIS__URL": f"redis://user:{secret}@127.0.0.1:6379/0",
            "HTTP__TOKEN": secret,
        }
    )
    shown = repr(settings) + repr(settings.redis) + repr(settings.http) + str(settings)
    assert secret not in shown
    assert len(SECRETS) == 4
    assert secret not in refusal({"REDIS__URL": f"http://:{secret}@h"})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
        ("redis://:a/b@c#d@h:1/0", "redis://:********@h:1/0"),
        ("unix:///run/redis.sock?db=0", "unix:///run/redis.sock?db=0"),
        (None, None),
    ],
)
def test_urls_are_shown_without_their_password(url: Any, shown: Any) -> None:
    assert shown_url(url) == shown
