"""Settings: what the environment may say, and what is kept between two starts."""

import base64
import multiprocessing
import stat
from pathlib import Path

import pytest

from campaigns.settings import SETTINGS, BadSetting, Settings, env_example, load
from tests.servers import short_folder

ROOT = Path(__file__).resolve().parents[1]


def loaded(data: Path, **given: str) -> Settings:
    return load({"CADENZA_DATA": str(data), **given})


def test_nothing_has_to_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = load({})
    assert config.data == tmp_path / "data"
    assert config.database_url == f"sqlite:///{tmp_path}/data/cadenza.db"
    assert (config.host, config.port, config.public_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")
    assert (config.workers, config.api_rate, config.trap, config.embedded_redis) == (2, 6000, True, True)
    assert config.trap_file == tmp_path / "data" / "trap.json"


def test_an_empty_value_counts_as_none(tmp_path: Path) -> None:
    empty = {setting.name: " " for setting in SETTINGS if setting.name != "CADENZA_DATA"}
    assert loaded(tmp_path, **empty) == loaded(tmp_path)


def test_links_begin_with_the_port_unless_told_otherwise(tmp_path: Path) -> None:
    assert loaded(tmp_path, PORT="8123").public_url == "http://127.0.0.1:8123"
    assert loaded(tmp_path, PUBLIC_URL="https://out.example.com/").public_url == "https://out.example.com"


def test_a_named_redis_is_used_and_none_is_embedded(tmp_path: Path) -> None:
    config = loaded(tmp_path, REDIS_URL="redis://127.0.0.1:6379/1")
    assert config.redis_url == "redis://127.0.0.1:6379/1"
    assert not config.embedded_redis
    assert config.trap is False
    assert loaded(tmp_path, REDIS_URL="redis://127.0.0.1", CADENZA_TRAP="on").trap is True


def test_a_socket_path_fits_into_an_address_however_deep_the_data_lies(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 80) / ("e" * 80)
    config = loaded(deep, TMPDIR=str(deep))
    assert config.redis_socket is not None
    assert len(str(config.redis_socket)) <= 90
    assert config.redis_socket == loaded(deep).redis_socket
    assert config.redis_socket != loaded(deep / "other").redis_socket


def test_a_space_in_the_data_folder_does_not_break_the_redis_address() -> None:
    with short_folder() as folder:
        config = loaded(folder / "my data")
    assert config.redis_url == f"unix://{folder}/my%20data/redis.sock"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgres_is_reached_through_the_driver_that_comes_with_us(tmp_path: Path, scheme: str) -> None:
    config = loaded(tmp_path, DATABASE_URL=f"{scheme}://cadenza:pass@db/cadenza")
    assert config.database_url == "postgresql+psycopg://cadenza:pass@db/cadenza"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "٨٠"),
        ("CADENZA_API_RATE", "60001"),
        ("CADENZA_WORKERS", "0"),
        ("CADENZA_WORKERS", "1.5"),
        ("CADENZA_TRAP", "maybe"),
        ("DATABASE_URL", "mysql://root@db/x"),
        ("DATABASE_URL", "cadenza.db"),
        ("REDIS_URL", "localhost:6379"),
        ("PUBLIC_URL", "example.com"),
        ("PUBLIC_URL", "http://"),
        ("CADENZA_SEALING_KEY", "short"),
    ],
)
def test_a_bad_value_is_told_in_one_sentence_that_names_it(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(BadSetting) as told:
        loaded(tmp_path, **{name: value})
    sentence = str(told.value)
    assert sentence.startswith(name)
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_a_password_is_neither_shown_nor_repeated(tmp_path: Path) -> None:
    with pytest.raises(BadSetting) as told:
        loaded(tmp_path, DATABASE_URL="mysql://root:hunter2@db/x")
    assert "hunter2" not in str(told.value)
    secret = {"DATABASE_URL": "postgresql://x:hunter2@db/x", "SECRET_KEY": "hunter2"}
    assert "hunter2" not in repr(loaded(tmp_path, **secret))


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadSetting, match="CADENZA_DATA"):
        loaded(tmp_path / "file" / "data")


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write anywhere
    with pytest.raises(BadSetting, match="cannot be written to"):
        loaded(tmp_path)


def test_secrets_are_made_once_and_are_the_owners_alone(tmp_path: Path) -> None:
    first, second = loaded(tmp_path / "data"), loaded(tmp_path / "data")
    assert (first.secret_key, first.sealing_key) == (second.secret_key, second.sealing_key)
    assert len(first.secret_key) >= 32
    assert len(base64.urlsafe_b64decode(first.sealing_key)) == 32
    for name in ("secret_key", "sealing_key"):
        assert stat.S_IMODE((tmp_path / "data" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_given_secrets_are_used_and_not_written_down(tmp_path: Path) -> None:
    key = base64.urlsafe_b64encode(b"k" * 32).decode()
    config = loaded(tmp_path, SECRET_KEY="s3cret", CADENZA_SEALING_KEY=key)
    assert (config.secret_key, config.sealing_key) == ("s3cret", key)
    assert list(tmp_path.iterdir()) == []


def test_a_kept_secret_that_was_cut_off_by_a_kill_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    assert loaded(tmp_path).secret_key == loaded(tmp_path).secret_key != ""


def _both_keys(data: str) -> tuple[str, str]:
    config = load({"CADENZA_DATA": data})
    return config.secret_key, config.sealing_key


def test_processes_that_start_together_agree_on_the_secrets(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(_both_keys, [str(tmp_path)] * 16, chunksize=1))) == 1


def test_the_example_of_an_environment_is_fresh() -> None:
    assert (ROOT / ".env.example").read_text() == env_example(), "run: make docs"
