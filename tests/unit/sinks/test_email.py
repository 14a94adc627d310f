"""E-mail on a real SMTP server: encryption, login, refusals, threads, hostile names."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.headerregistry import Address
from pathlib import Path
from typing import Any

import pytest
from notification_helpers import HOSTILE, hostile_notification, make_events, make_notification
from receivers_smtp import SmtpServer, broken_rules, mail_server
from structlog.testing import capture_logs

from schemas.notifications import Kind
from sinks.channel import DeliveryError
from sinks.email import EmailChannel, Tls
from sinks.email_message import message_of

SENDER = Address("Streamgauge", "streamgauge", "example.org")
ONCALL, TEAM = Address("", "oncall", "example.org"), Address("", "team", "example.org")
LOGIN = ("streamgauge", "s3cret-password")


def channel_to(server: SmtpServer, *recipients: Address, **options: Any) -> EmailChannel:
    given: dict[str, Any] = {"tls": Tls.NONE, "timeout_s": 10.0} | options
    return EmailChannel(server.host, server.port, SENDER, recipients or (ONCALL,), **given)


@contextmanager
def encrypted(
    tls: Tls, certificate: tuple[Path, Path], **options: Any
) -> Iterator[tuple[SmtpServer, EmailChannel]]:
    with mail_server(SmtpServer(tls.value, certificate, **options)) as server:
        login = options.get("login")
        yield server, channel_to(server, tls=tls, ca_file=str(certificate[0]), login=login)


def test_a_mail_as_people_get_it(mail: SmtpServer) -> None:
    notification = make_notification(title="ERROR error-rate: it is 12 %", more=2)
    receipt = channel_to(mail, ONCALL, TEAM).send(notification)
    (got,) = mail.mails
    assert (got.sender, got.recipients) == (
        "streamgauge@example.org",
        ["oncall@example.org", "team@example.org"],
    )
    head = {name.lower(): str(value) for name, value in got.message.items()}
    assert head["subject"] == "ERROR error-rate: it is 12 %"
    assert head["from"] == "Streamgauge <streamgauge@example.org>"
    assert head["to"] == "oncall@example.org, team@example.org"
    assert head["date"] == "Mon, 21 Sep 2026 15:01:00 +0000"
    assert head["message-id"] == receipt == f"<{notification.id}@example.org>"
    assert head["auto-submitted"] == "auto-generated"
    assert "in-reply-to" not in head
    assert got.part("plain").startswith("ERROR error-rate: it is 12 %\n\n1 alert fires\n")
    assert got.part("plain").endswith("and 2 more\n")
    assert "<h3>ERROR error-rate: it is 12 %</h3>" in got.part("html")
    assert (
        '<a href="https://runbooks.example.org/error-rate">runbook of error-rate</a>'
        in got.part("html")
    )
    assert not mail.broken


def test_a_conversation_is_a_thread(mail: SmtpServer) -> None:
    channel = channel_to(mail)
    receipt = channel.send(make_notification())
    for kind in (Kind.UPDATE, Kind.REPEAT, Kind.RESOLVED):
        assert channel.send(make_notification(kind, receipt=receipt)) == receipt
    assert len({got.message["Message-ID"] for got in mail.mails}) == 4
    for got in mail.mails[1:]:
        assert got.message["In-Reply-To"] == got.message["References"] == receipt
        assert f"In-Reply-To: {receipt}\r\n".encode() in got.raw


def test_ids_stay_whole_however_long_the_domain_is() -> None:
    domain = ".".join(["a-long-name-of-a-department"] * 6) + ".example.org"
    sender = Address("", "streamgauge", domain)
    receipt = f"<{'a' * 64}@{domain}>"
    raw = message_of(make_notification(Kind.UPDATE, receipt=receipt), sender, [ONCALL]).as_bytes()
    for name in ("In-Reply-To", "References", "Message-ID"):
        assert any(
            line.endswith(f"@{domain}>".encode())
            for line in raw.split(b"\r\n")
            if line.startswith(f"{name}: <".encode())
        )


def test_a_second_delivery_is_the_same_mail(mail: SmtpServer) -> None:
    for _ in range(2):
        channel_to(mail).send(make_notification())
    one, other = mail.mails
    assert one.message["Message-ID"] == other.message["Message-ID"]
    assert one.message["Date"] == other.message["Date"]


@pytest.mark.parametrize("receipt", ["", "C1:1.2", "<a@b>\r\nBcc: x@y.z", "<a@b> <c@d>", None])
def test_a_receipt_of_another_kind_starts_no_thread(mail: SmtpServer, receipt: str | None) -> None:
    channel_to(mail).send(make_notification(Kind.UPDATE, receipt=receipt))
    assert mail.mails[0].message["In-Reply-To"] is None
    assert mail.mails[0].message["Bcc"] is None


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.TLS])
def test_it_is_encrypted_and_logs_in(tls: Tls, certificate: tuple[Path, Path]) -> None:
    with encrypted(tls, certificate, login=LOGIN) as (server, channel):
        channel.send(make_notification())
        (got,) = server.mails
        assert got.tls


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.TLS])
def test_a_certificate_that_nobody_signed_is_not_trusted(
    tls: Tls, certificate: tuple[Path, Path]
) -> None:
    with encrypted(tls, certificate) as (server, _):
        with pytest.raises(DeliveryError, match="CERTIFICATE_VERIFY_FAILED") as caught:
            channel_to(server, tls=tls).send(make_notification())
        assert caught.value.retryable
        assert not server.mails


def test_it_is_never_sent_in_the_clear_instead(mail: SmtpServer) -> None:
    with pytest.raises(DeliveryError, match="has no STARTTLS") as caught:
        channel_to(mail, tls=Tls.STARTTLS).send(make_notification())
    assert not caught.value.retryable
    assert not mail.mails


def test_a_server_that_wants_encryption_gets_nothing_without(
    certificate: tuple[Path, Path],
) -> None:
    with encrypted(Tls.STARTTLS, certificate) as (server, _):
        with pytest.raises(DeliveryError, match="answered 530") as caught:
            channel_to(server).send(make_notification())
        assert not caught.value.retryable
        assert not server.mails


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.TLS])
def test_a_wrong_password_is_not_told(tls: Tls, certificate: tuple[Path, Path]) -> None:
    with encrypted(tls, certificate, login=("streamgauge", "other")) as (server, channel):
        channel._login = LOGIN
        with pytest.raises(DeliveryError, match="answered 535; is the password") as caught:
            channel.send(make_notification())
        assert not caught.value.retryable
        assert LOGIN[1] not in str(caught.value)
        channel._login = None
        with pytest.raises(DeliveryError, match="answered 530; does it want a `username`"):
            channel.send(make_notification())
        assert not server.mails


def test_a_server_without_login_is_said(certificate: tuple[Path, Path]) -> None:
    with encrypted(Tls.STARTTLS, certificate) as (server, _):
        with pytest.raises(DeliveryError, match="no way to log in") as caught:
            channel_to(server, login=LOGIN).send(make_notification())
        assert not caught.value.retryable


def test_some_refused_for_good_do_not_stop_the_others(mail: SmtpServer) -> None:
    mail.refuse["team@example.org"] = "550 5.1.1 no such user"
    channel = channel_to(mail, ONCALL, TEAM)
    with capture_logs() as logs:
        channel.send(make_notification())
    assert [got.recipients for got in mail.mails] == [["oncall@example.org"]]
    (record,) = logs
    assert record["event"] == "recipients_refused"
    assert record["codes"] == {"team@example.org": 550}


def test_some_refused_for_now_are_tried_again_without_the_others(mail: SmtpServer) -> None:
    mail.refuse["team@example.org"] = "451 4.7.1 greylisted"
    channel = channel_to(mail, ONCALL, TEAM)
    with pytest.raises(DeliveryError, match="refused 1 of 2 recipients: 451") as caught:
        channel.send(make_notification())
    assert caught.value.retryable
    mail.refuse.clear()
    channel.send(make_notification())
    assert [got.recipients for got in mail.mails] == [["oncall@example.org"], ["team@example.org"]]
    mail.down = True
    channel.send(make_notification())  # all have it: there is nobody to send it to
    mail.down = False
    assert len(mail.mails) == 2
    channel.send(make_notification(Kind.UPDATE))
    assert mail.mails[2].recipients == ["oncall@example.org", "team@example.org"]


@pytest.mark.parametrize(
    ("replies", "retryable", "said"),
    [
        (("550 no", "550 no"), False, "refused 2 of 2 recipients: 550; may this sender"),
        (("550 no", "452 full"), True, "refused 2 of 2 recipients: 452, 550"),
        (("452 full", "452 full"), True, "refused 2 of 2 recipients: 452"),
        (("421 closing", "550 no"), True, "refused 2 of 2 recipients: 421"),
    ],
)
def test_all_refused_is_a_failure(
    mail: SmtpServer, replies: tuple[str, str], retryable: bool, said: str
) -> None:
    mail.refuse = dict(zip(("oncall@example.org", "team@example.org"), replies, strict=True))
    with pytest.raises(DeliveryError, match=said) as caught:
        channel_to(mail, ONCALL, TEAM).send(make_notification())
    assert caught.value.retryable is retryable
    assert not mail.mails


def test_who_was_accepted_before_the_server_closed_did_not_get_it(mail: SmtpServer) -> None:
    mail.refuse["team@example.org"] = "421 4.3.2 closing"
    channel = channel_to(mail, ONCALL, TEAM)
    with pytest.raises(DeliveryError) as caught:
        channel.send(make_notification())
    assert caught.value.retryable
    mail.refuse.clear()
    channel.send(make_notification())
    assert [got.recipients for got in mail.mails] == [["oncall@example.org", "team@example.org"]]


def test_a_server_that_is_down_is_tried_again(mail: SmtpServer) -> None:
    mail.down = True
    with pytest.raises(DeliveryError, match=r"127\.0\.0\.1:\d+ answered 451") as caught:
        channel_to(mail).send(make_notification())
    assert caught.value.retryable


def test_nobody_there_is_worth_another_try(mail: SmtpServer) -> None:
    gone = SmtpServer()
    with mail_server(gone):
        pass
    with pytest.raises(DeliveryError, match="does not answer") as caught:
        channel_to(gone).send(make_notification())
    assert caught.value.retryable


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_stay_in_their_place(mail: SmtpServer, text: str, kind: Kind) -> None:
    channel_to(mail).send(hostile_notification(text, kind, count=30))
    (got,) = mail.mails
    assert not mail.broken
    assert got.recipients == ["oncall@example.org"]
    assert got.message["Bcc"] is None
    assert "\n" not in str(got.message["Subject"])
    html = got.part("html")
    assert "<script" not in html
    assert "<b>bold" not in html
    assert 'href="javascript' not in html
    assert len(got.raw) < 500_000


def test_a_long_subject_is_cut_and_encoded(mail: SmtpServer) -> None:
    channel_to(mail).send(make_notification(title="é😀 " * 300))
    subject = str(mail.mails[0].message["Subject"])
    assert len(subject) <= 200
    assert subject.startswith("é😀 é😀")
    assert not mail.broken


def test_many_events_are_counted(mail: SmtpServer) -> None:
    channel_to(mail).send(make_notification(events=make_events(30), more=9_970, firing=10_000))
    assert "<p>and 9,980 more</p>" in mail.mails[0].part("html")


def test_certificates_that_are_none_are_no_channel(tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("none")
    for name in ("none.pem", "absent.pem"):
        with pytest.raises((OSError, ssl.SSLError)):
            EmailChannel("host", 25, SENDER, [ONCALL], ca_file=str(tmp_path / name))


def test_people_read_it(mail: SmtpServer) -> None:
    channel = channel_to(mail)
    assert (channel.every_event, channel.pages, channel.edits) == (False, False, False)


def test_the_stand_in_sees_what_is_broken() -> None:
    message = message_of(make_notification(), SENDER, [ONCALL])
    raw = message.as_bytes()
    assert not broken_rules(raw, message)
    assert broken_rules(raw + b"a\nb", message) == ["a bare line feed or carriage return"]
    assert broken_rules(raw + b"x" * 999, message) == ["a line is too long"]
    assert broken_rules("é".encode() + raw, message) == ["a header is not ASCII"]
    del message["Date"]
    assert broken_rules(raw, message) == ["not one Date"]
