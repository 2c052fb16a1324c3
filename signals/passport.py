"""What a trained model has seen, and every number that is needed to use it: passport.json as a strict model.

`known_through` is the last instant of which any part of the model knows: the end of the last label that training,
validation or calibration looked at. Decisions at or before it are in-sample, whatever the instrument.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, NoReturn

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from signals.calibration import Affine, Calibration, Isotonic, Platt
from signals.kept import Kept
from signals.models import parse
from signals.scaling import Scaler

FORMAT = 1
BLOCKING = ("constant", "uninformative", "uncalibrated")  # flags of a classifier that must not trade
CLASSIFIERS = ("direction", "attention")
MOST_SLICES = 100_000
DAY_NS = 86_400_000_000_000
FIRST_YEAR, LAST_YEAR = 1678, 2261  # whole years that nanoseconds since 1970 reach


def _date(text: str) -> str:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError(f"expected a date such as 2020-12-31, got {text[:40]!r}")
    return _in_reach(date.fromisoformat(text).isoformat())


def instant(text: str) -> str:
    """`text` if it is an instant in UTC that fits nanoseconds; ValueError else."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", text):
        raise ValueError(f"expected an instant in UTC such as 2020-12-31T21:00:00Z, got {text[:40]!r}")
    datetime.fromisoformat(text)
    return _in_reach(text)


def _in_reach(text: str) -> str:
    if not FIRST_YEAR <= int(text[:4]) <= LAST_YEAR:
        raise ValueError(f"expected a year from {FIRST_YEAR} to {LAST_YEAR}, got {text[:40]!r}")
    return text


def _known_architecture(value: dict[str, Any]) -> dict[str, Any]:
    return parse(value).model_dump()


Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Date = Annotated[str, AfterValidator(_date)]
Instant = Annotated[str, AfterValidator(instant)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=10**15)]
Slices = Annotated[int, Field(ge=1, le=MOST_SLICES)]
Plain = str | bool | int | Number | None | list[Any] | dict[str, Any]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Label(Part):
    """What was predicted: the return from the open (close) after the decision to the one `horizon` slices later."""

    kind: Literal["open_to_open", "close_to_close"] = "open_to_open"
    horizon: Slices = 1


class FeaturesOf(Part):
    """The feature set the net was trained on; its sha256 covers names, formulas and code."""

    set: Word
    sha256: Sha256
    columns: Annotated[tuple[Name, ...], Field(min_length=1, max_length=1024)]


class Ranges(Part):
    """First and last date of decisions of each part, in this order and without overlap; null where there was none."""

    train: tuple[Date, Date]
    validation: tuple[Date, Date] | None = None
    calibration: tuple[Date, Date] | None = None
    test: tuple[Date, Date] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Ranges:
        last, before = "", ""
        for name in ("train", "validation", "calibration", "test"):
            span = getattr(self, name)
            if span is None:
                continue
            if span[0] > span[1]:
                raise ValueError(f"{name} ends {span[1]}, before it begins {span[0]}")
            if span[0] <= last:
                raise ValueError(f"{name} begins {span[0]}, and {before} ends only {last}")
            last, before = span[1], name
        return self

    @property
    def last_seen(self) -> str:
        """The last date of decisions that shaped the model: the test range is not among them."""
        return max(span[1] for span in (self.train, self.validation, self.calibration) if span is not None)


class Passport(Part):
    """All that is known of a model folder. Make one from plain data with `Passport.of(...)`."""

    format: Literal[1] = 1
    model_version: Name = "1"
    architecture: Annotated[dict[str, Any], AfterValidator(_known_architecture)]
    unit: Literal["return", "probability", "score", "price"]
    label: Label = Label()
    window: Slices  # of the net; the features' memory comes on top
    features: FeaturesOf
    scaler: Scaler
    calibration: Calibration | None = None
    clamp: tuple[Number | None, Number | None] | None = None  # declared limits of a forecast; hits are counted
    sigma: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | None = None  # of the training labels
    universe: Annotated[tuple[Name, ...], Field(max_length=100_000)] = ()  # names it was trained on
    ranges: Ranges
    embargo: Annotated[int, Field(ge=0, le=MOST_SLICES)] = 0  # slices left out between the ranges
    known_through: Instant
    valid_from: Instant | None = None  # of a walk-forward's fold: it speaks after this; null: after known_through
    data_fingerprint: Name
    seed: int = 0
    versions: dict[Name, Name] = {}
    weights_sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""  # folder.write fills it in
    training_date: Date
    epochs_trained: Count = 0
    best_epoch: Count = 0
    losses: dict[Name, Number | None] = {}
    hyperparameters: dict[Name, Plain] = {}
    n_samples: Count | dict[Name, Count] = 0
    data_range: dict[Name, Number | None] = {}
    flags: tuple[Word, ...] = ()
    reference: Kept | None = None  # what the model said of its validation range: to tell later whether it still does

    @classmethod
    def of(cls, **told: Any) -> Passport:
        """A passport from plain data or models; ValueError in one line where something is wrong."""
        try:
            text = json.dumps(told, allow_nan=False, default=lambda part: part.model_dump(mode="json"))
        except (TypeError, AttributeError) as error:
            raise ValueError(f"passport: only plain data can be stored; {error}") from None
        return read_text(text.encode())

    @model_validator(mode="after")
    def _agree(self) -> Passport:
        columns, inputs = len(self.features.columns), self.architecture["inputs"]
        if not columns == inputs == len(self.scaler):
            raise ValueError(
                f"features has {columns} columns, architecture.inputs is {inputs} and scaler knows {len(self.scaler)}; "
                f"they must agree"
            )
        if len(set(self.features.columns)) < columns:
            raise ValueError("features.columns names one column twice")
        if self.known_through[:10] < self.ranges.last_seen:
            raise ValueError(
                f"known_through is {self.known_through}, but the model was shaped by decisions until {self.ranges.last_seen}"
            )
        if self.valid_from is not None and self.valid_from < self.known_through:
            raise ValueError(f"valid_from {self.valid_from} lies before known_through {self.known_through}")
        if self.unit == "probability" and isinstance(self.calibration, Affine):
            raise ValueError("calibration: a probability needs platt or isotonic, not affine")
        if self.unit != "probability" and isinstance(self.calibration, Platt | Isotonic):
            raise ValueError(f"calibration: {self.calibration.kind} makes a probability, and unit is {self.unit}")
        if self.unit == "return" and self.calibration is None:
            raise ValueError(
                "calibration: unit return needs affine, or the forecast's sign means nothing; say unit score"
            )
        low, high = (None, None) if self.clamp is None else self.clamp
        if low is not None and high is not None and low > high:
            raise ValueError(f"clamp: its lower end {low} lies above its upper end {high}")
        if (self.unit == "probability") != (self.architecture["kind"] in CLASSIFIERS):
            raise ValueError(f"unit {self.unit} does not fit a net of kind {self.architecture['kind']}")
        return self

    @property
    def known_through_ns(self) -> int:
        """known_through in nanoseconds UTC."""
        return nanoseconds(self.known_through)

    @property
    def valid_from_ns(self) -> int:
        return self.known_through_ns if self.valid_from is None else nanoseconds(self.valid_from)

    @property
    def tried_until_ns(self) -> int | None:
        """The end of the last day it was tested on; None without a test range."""
        return None if self.ranges.test is None else nanoseconds(f"{self.ranges.test[1]}T00:00:00Z") + DAY_NS

    @property
    def blocked(self) -> tuple[str, ...]:
        """Why this model's forecasts must be NaN everywhere; () where it may speak. Only classifiers are blocked."""
        if self.unit != "probability":
            return ()
        found = [flag for flag in BLOCKING if flag in self.flags]
        if self.calibration is None and "uncalibrated" not in found:
            found.append("uncalibrated")
        return tuple(found)

    def text(self) -> bytes:
        """passport.json: the same passport gives the same bytes."""
        told = self.model_dump(mode="json")
        if self.reference is None:
            del told["reference"]  # a passport from before there was one keeps its bytes, and its hash
        return (json.dumps(told, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()


def nanoseconds(instant: str) -> int:
    """An ISO instant in UTC as nanoseconds since 1970."""
    return int(datetime.fromisoformat(instant).timestamp()) * 1_000_000_000


def instant_of(time_ns: int) -> str:
    """Nanoseconds UTC as the ISO instant that passports hold; a part of a second counts as the whole."""
    seconds = -(-int(time_ns) // 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_text(text: bytes) -> Passport:
    """The passport in `text`; ValueError in one line for anything but a JSON object of exactly this shape.

    Keys that stand twice, NaN and infinities are refused: each reads differently to different readers.
    """
    try:
        told = json.loads(text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("passport: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"passport: not JSON as it must be: {error}") from None
    if not isinstance(told, dict):
        raise ValueError(f"passport: expected an object, got {type(told).__name__}")
    version = told.get("format", FORMAT)
    if isinstance(version, int) and version > FORMAT:
        raise ValueError(
            f"passport.format: {version} was written by a newer version; this one reads {FORMAT}. Update it"
        )
    try:
        return Passport.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(["passport", *(str(part)[:60] for part in first["loc"])])
        raise ValueError(
            f"{where}: {first['msg'].removeprefix('Value error, ')}; got {str(first['input'])[:60]!r}"
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        raise ValueError("a key stands twice")
    return out


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
