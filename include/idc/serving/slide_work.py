"""Score slides one after the other in one thread, a batch of tiles at a time.

After each batch the answers are kept, so that a server that was killed goes on where it stopped. A slide that
the server did not survive several times fails.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from idc.serving.endpoint import Scored, Scorer
from idc.serving.images import SlideImage, encoded, padded
from idc.serving.problems import ENDPOINT_UNAVAILABLE, INTERNAL, MODEL_TIMEOUT, MODEL_UNKNOWN, Problem
from idc.serving.slide_records import SlideRecord, SlideRecords
from idc.serving.tiles import Grid, tile_name
from idc.settings import ApiSettings

BATCH = 64
MOST_ATTEMPTS = 3
PASSING = (ENDPOINT_UNAVAILABLE, MODEL_TIMEOUT, MODEL_UNKNOWN)
PAUSE_S = 1.0
HOUR_S = 3600.0

log = structlog.get_logger("idc.serving")


class _Interrupted(Exception):
    """The server is being stopped, or the slide was cancelled."""


class SlideWork:
    """Scores the queued slides."""

    def __init__(self, records: SlideRecords, scorer: Scorer, settings: ApiSettings) -> None:
        """Prepare; `start` begins."""
        self._records = records
        self._scorer = scorer
        self._settings = settings
        self._folder = settings.folder / "slides"
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(settings.slide_concurrency, thread_name_prefix="slide")
        self._thread = threading.Thread(target=self._run, name="slides", daemon=True)

    def start(self) -> None:
        """Resume unfinished slides, and remove images of no slide."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        waiting = self._records.waiting()
        for path in self._folder.iterdir():
            if path.name not in waiting:
                path.unlink()
        self._thread.start()

    def stop(self) -> None:
        """Stop after the present batch; the slide resumes at the next start."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._settings.model_timeout_s)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def path(self, id: str) -> Path:
        """Return where a slide's image is until the slide has ended."""
        return self._folder / id

    def wake(self) -> None:
        """Look for a queued slide now."""
        self._wake.set()

    def discard(self, id: str) -> None:
        """Remove a slide's image."""
        with contextlib.suppress(FileNotFoundError):
            self.path(id).unlink()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._records.requeue()  # what a failure below has left; there is no other worker
                self._work_off()
            except Exception:  # such as a full disk: nothing may end this thread
                log.exception("slides")
                self._stopping.wait(PAUSE_S)

    def _work_off(self) -> None:
        tidied = -HOUR_S
        while not self._stopping.is_set():
            if time.monotonic() - tidied > HOUR_S:
                self._records.forget(self._settings.slide_retention_days)
                tidied = time.monotonic()
            slide = self._records.take()
            if slide is not None:
                self._work(slide)
            else:
                self._wake.wait(HOUR_S)
                self._wake.clear()

    def _work(self, slide: SlideRecord) -> None:
        log.info("slide", id=slide.id, tenant=slide.tenant, state="running", attempt=slide.attempts)
        try:
            if slide.attempts > MOST_ATTEMPTS:
                detail = f"The server ended {MOST_ATTEMPTS} times at this slide. Send a smaller one."
                raise Problem(INTERNAL, detail)
            self._score(slide)
            self._end(slide, None)
        except _Interrupted:
            log.info("slide", id=slide.id, tenant=slide.tenant, state="interrupted")
        except Problem as problem:
            self._end(slide, problem)
        except Exception:
            log.exception("slide", id=slide.id, tenant=slide.tenant)
            self._end(slide, Problem(INTERNAL, "The server failed at this slide; its log says why."))

    def _score(self, slide: SlideRecord) -> None:
        """Score the remaining tiles; raise `_Interrupted` when stopped or cancelled."""
        done, grid = self._records.done(slide.id), slide.grid
        with self.path(slide.id).open("rb") as file:
            image = SlideImage(file, self._settings.slide_max_pixels)
        left = (number for number in range(grid.count) if number not in done)
        for numbers in _batches(left):
            work = [(slide.id, image, grid, number) for number in numbers]
            answers = list(self._pool.map(lambda each: self._tile(*each), work))
            if not self._records.add_tiles(slide.id, list(zip(numbers, answers, strict=True))):
                self.discard(slide.id)
                raise _Interrupted
            if self._stopping.is_set():
                raise _Interrupted

    def _tile(self, id: str, image: SlideImage, grid: Grid, number: int) -> Scored | None:
        """Return the answer for a tile, None for background; wait while the endpoint is unavailable."""
        pixels = image.tile(grid.box(number))
        if grid.tiling.is_background(pixels):
            return None
        patch, deadline = encoded(padded(pixels)), time.monotonic() + self._settings.slide_patience_s
        while True:
            if self._stopping.is_set():
                raise _Interrupted
            try:
                return self._scorer.score(patch, f"{id}.{tile_name(*grid.place(number))}")
            except Problem as problem:
                if problem.kind not in PASSING or time.monotonic() > deadline:
                    raise
            self._stopping.wait(PAUSE_S)

    def _end(self, slide: SlideRecord, problem: Problem | None) -> None:
        state = "failed" if problem else "succeeded"
        details = problem.details(slide.id).model_dump_json() if problem else None
        self._records.end(slide.id, "failed" if problem else "succeeded", details)
        self.discard(slide.id)
        name = problem.kind.name if problem else None
        log.info("slide", id=slide.id, tenant=slide.tenant, state=state, problem=name)


def _batches(numbers: Iterator[int]) -> Iterator[Sequence[int]]:
    while batch := list(itertools.islice(numbers, BATCH)):
        yield batch
