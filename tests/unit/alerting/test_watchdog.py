from schemas.notifications import Kind
from stream.alerting.watchdog import heartbeat

T0 = 1_790_002_800_000


def test_each_heartbeat_is_news_and_all_are_of_one_alert() -> None:
    one, other = heartbeat("ml", "ops", T0), heartbeat("ml", "ops", T0 + 60_000)
    assert one.kind is other.kind is Kind.FIRST
    assert one.key == other.key == one.events[0].fingerprint
    assert one.id != other.id
    assert one.events[0].id != other.events[0].id
    assert one.id != heartbeat("ml", "chat", T0).id
    assert one.title == "INFO watchdog: alerts work; when this stops coming, they do not"
