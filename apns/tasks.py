"""Push tasks: wake the channels whose time has come.

``Channel.push_at`` says when. A task claims what is due by setting the next time first,
so that it may run twice, be killed or find nothing, and no push is lost; orders in
quick succession make one push, since a channel has one ``push_at``.
"""

import datetime as dt
import logging
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from devices.models import Channel, Enrollment

from . import client
from .client import Answer, Verdict
from .models import PushCertificate

logger = logging.getLogger(__name__)

BATCH = 500
BACKOFF = (30, 120, 480, 1800, 7200, 21600, 86400)
"""Seconds after a push at which a device that did not come is pushed again."""
JITTER = 0.2
SILENT_AFTER = dt.timedelta(hours=24)
SWEEP = 20_000
"""Silent channels woken by one sweep, spread over SWEEP_SPREAD seconds."""
SWEEP_SPREAD = 3000


@shared_task
def push_due() -> int:
    """Push to every channel that is due; return how many. Safe to run at any time."""
    certificates = {one.topic: one for one in PushCertificate.usable()}
    pushed = 0
    while claimed := _claim(certificates):
        for topic, channels in _by_topic(claimed).items():
            _push(certificates[topic], channels)
        pushed += len(claimed)
        if len(claimed) < BATCH:
            break
    return pushed


@transaction.atomic
def _claim(topics: Iterable[str]) -> list[Channel]:
    """Return due channels, their next push already set: losing them loses nothing."""
    now = timezone.now()
    due = list(
        Channel.objects.filter(
            push_at__lte=now, push_dead=False, enrollment__topic__in=list(topics)
        )
        .exclude(push_token="")
        .select_related("enrollment")
        .select_for_update(of=("self",), skip_locked=True)
        .order_by("push_at", "pk")[:BATCH]
    )
    by_attempts = defaultdict(list)
    for channel in due:
        by_attempts[channel.push_attempts].append(channel.pk)
    for attempts, ids in by_attempts.items():
        Channel.objects.filter(pk__in=ids).update(
            push_at=now + backoff(attempts), push_attempts=attempts + 1, pushed_at=now
        )
    return due


def backoff(attempts: int) -> dt.timedelta:
    """Return how long after this many pushes the next one comes, with jitter."""
    seconds = BACKOFF[min(attempts, len(BACKOFF) - 1)]
    spread = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    return dt.timedelta(seconds=seconds * spread)


def _by_topic(channels: Iterable[Channel]) -> dict[str, list[Channel]]:
    topics = defaultdict(list)
    for channel in channels:
        topics[channel.enrollment.topic].append(channel)
    return topics


def _push(certificate: PushCertificate, channels: Sequence[Channel]) -> None:
    credentials = client.Credentials(
        topic=certificate.topic,
        certificate=certificate.certificate.encode(),
        key=bytes(certificate.private_key),
    )
    pushes = [client.Push(one.push_token, one.push_magic) for one in channels]
    try:
        answers = client.push(credentials, pushes, server=_server())
    except OSError as error:  # an unreadable CA file or key: the other topics go on
        logger.exception("cannot push for %s", certificate)
        _problem(certificate, problem=f"Cannot be used: {error}")
        return
    by_answer: dict[tuple[Verdict, str], list[tuple[Channel, Answer]]] = defaultdict(
        list
    )
    for channel, answer in zip(channels, answers, strict=True):
        by_answer[client.verdict(answer), _text(answer)].append((channel, answer))
    for (verdict, text), answered in by_answer.items():
        _note(certificate, verdict, text, answered)


def _server() -> client.Server:
    return client.Server(
        settings.APNS_HOST, settings.APNS_PORT, settings.APNS_CA_FILE or None
    )


def _text(answer: Answer) -> str:
    return f"{answer.status or ''} {answer.reason}".strip() or "sent"


def _note(
    certificate: PushCertificate,
    verdict: Verdict,
    text: str,
    answered: Sequence[tuple[Channel, Answer]],
) -> None:
    """Write down one kind of answer, and do what it asks for."""
    ids = [channel.pk for channel, _ in answered]
    with transaction.atomic():
        # A hint: what an order holds just now goes without, and waits for no one.
        rows = Channel.objects.filter(pk__in=ids).select_for_update(skip_locked=True)
        free = list(rows.values_list("pk", flat=True))
        Channel.objects.filter(pk__in=free).update(push_answer=text[:128])
    if verdict is Verdict.SENT:
        if certificate.problem:
            _problem(certificate, problem="")
        return
    logger.warning("push to %d channels of %s: %s", len(ids), certificate, text)
    if verdict is Verdict.TOKEN_DEAD:
        for channel, answer in answered:
            _bury(channel, answer)
    elif verdict in (Verdict.CERTIFICATE, Verdict.CONFIGURATION):
        stop = {"is_stopped": True} if verdict is Verdict.CERTIFICATE else {}
        _problem(certificate, problem=text, **stop)
    elif not answered[0][1].status:  # no one answered: Apple may not take us at all
        _problem(certificate, problem=f"Apple does not answer: {text}")


def _problem(certificate: PushCertificate, *, problem: str, **stop: bool) -> None:
    """Write a problem down, unless another certificate was uploaded since."""
    same = PushCertificate.objects.filter(
        pk=certificate.pk, uploaded_at=certificate.uploaded_at
    )
    same.update(problem=problem[:255], **stop)


def _bury(channel: Channel, answer: Answer) -> None:
    """Push no more to a dead token, unless the device has sent another since."""
    same = Q(pk=channel.pk, push_token=channel.push_token)
    if answer.timestamp is not None:
        same &= Q(token_updated_at__isnull=True) | Q(
            token_updated_at__lte=answer.timestamp
        )
    Channel.objects.filter(same).update(push_dead=True, push_at=None)


@shared_task
def wake_the_silent() -> int:
    """Ask channels that were silent for a day to connect; return how many.

    What was lost, be it a push or a whole worker, is thereby found within a day. A
    certificate that Apple refused is tried again, should Apple think otherwise now.
    """
    PushCertificate.objects.filter(is_stopped=True).update(is_stopped=False)
    before = timezone.now() - SILENT_AFTER
    silent = (
        Channel.objects.filter(
            enrollment__state=Enrollment.State.ACTIVE,
            push_at__isnull=True,
            push_dead=False,
            last_seen_at__lt=before,
        )
        .filter(Q(pushed_at__isnull=True) | Q(pushed_at__lt=before))
        .exclude(push_token="")
        .order_by("last_seen_at", "pk")
        .values_list("pk", flat=True)[:SWEEP]
    )
    ids = list(silent)
    now = timezone.now()
    for start in range(0, len(ids), BATCH):
        wait = dt.timedelta(seconds=SWEEP_SPREAD * start / SWEEP)
        _wake(ids[start : start + BATCH], now + wait)
    return len(ids)


@transaction.atomic
def _wake(ids: Sequence[int], push_at: dt.datetime) -> None:
    """Set the next push of those that no order holds: it sets it anyway."""
    rows = Channel.objects.filter(pk__in=ids).select_for_update(skip_locked=True)
    free = list(rows.values_list("pk", flat=True))
    Channel.objects.filter(pk__in=free).update(push_at=push_at, push_attempts=0)


def ask_for_push() -> None:
    """Have what is due pushed once the transaction in hand has committed.

    A broker that is gone only delays it: the rows say what is due, and beat comes by.
    """

    def publish() -> None:
        push_due.delay()

    transaction.on_commit(publish, robust=True)
