"""What an answer cannot say: for each kind of question, the sentences that its reader should know."""

from collections.abc import Callable
from dataclasses import dataclass

from querygen.conditions import Condition
from querygen.plan import Plan
from querygen.spec import Spec

_EARLY = {"nightly", "aurora", "beta"}
_LIMITED = ("percentiles", "distribution", "summary", "rate")


@dataclass(frozen=True)
class _Asked:
    """A question, and what was made of it."""

    spec: Spec
    plan: Plan

    @property
    def measure(self) -> str:
        """What is computed."""
        return self.plan.about.measure

    @property
    def reads_clients(self) -> bool:
        """Whether rows are made of several clients."""
        return self.measure != "pings"

    @property
    def is_histogram(self) -> bool:
        """Whether the samples of histograms are counted."""
        return self.spec.histogram is not None and self.measure not in ("counts", "pings")

    @property
    def is_legacy(self) -> bool:
        """Whether they are those of legacy telemetry."""
        return self.is_histogram and self.plan.like == "telemetry.main"

    @property
    def is_of_parent(self) -> bool:
        """Whether the spec names no process, neither by its key nor in the path of a column."""
        is_path = any("." in name for name in self.plan.histograms)
        return "process" not in self.spec.model_fields_set and not is_path

    @property
    def channels(self) -> set[str]:
        """The channels that the filters name; none where they name no channel."""
        condition = next((c for name, c in self.spec.filters.items() if name.lower() == "channel"), ())
        given = condition if isinstance(condition, tuple) else (condition,)
        return {value.lower() for value in given if isinstance(value, str)}

    @property
    def is_sample(self) -> bool:
        """Whether only a share of clients is asked."""
        names = {name.lower().rpartition(".")[2] for name in self.spec.filters}
        return self.spec.sample is not None or "sample_id" in names

    @property
    def has_newest(self) -> bool:
        """Whether days or builds are told apart, or the last days are asked about."""
        conditions = self.spec.filters.values()
        return any(split.is_time for split in self.plan.about.splits) or any(
            isinstance(condition, Condition) and condition.last is not None for condition in conditions
        )

    @property
    def could_have_limits(self) -> bool:
        """Whether `confidence` could be added."""
        spec = self.spec
        other = spec.confidence or spec.prior or spec.trim or spec.percentile_method == "interpolated"
        return self.measure in _LIMITED and not other

    @property
    def is_drawn(self) -> bool:
        """Whether an experiment drew the branches that are compared."""
        return self.spec.experiment is not None

    @property
    def has_outsiders(self) -> bool:
        """Whether clients that are in no experiment stand in for a branch."""
        experiment, placebo = self.spec.experiment, self.spec.placebo
        controls = (getattr(experiment, "control", None), getattr(placebo, "control", None))
        return any(control is not None and not isinstance(control, str) for control in controls)


_CAVEATS: tuple[tuple[Callable[[_Asked], object], str], ...] = (
    # Who is asked.
    (
        lambda a: a.reads_clients,
        "It is about clients that send telemetry. Those whose users turned it off may differ, and nothing in "
        "the data says how.",
    ),
    (
        lambda a: a.reads_clients,
        "A client id stands for a profile, not for a person: somebody with two profiles is two clients.",
    ),
    (
        lambda a: a.channels and a.channels <= _EARLY,
        "Users of early versions chose them. What holds for them need not hold for users of release.",
    ),
    (
        lambda a: a.is_legacy and not (a.channels and a.channels <= _EARLY),
        "On release, many legacy probes are not recorded at all, or only by clients that opted in; the "
        "probe's definition says so.",
    ),
    (
        lambda a: a.is_histogram and not a.channels,
        "No channel is named, so that channels of different sizes, and with different probes, are mixed.",
    ),
    (
        lambda a: a.is_sample and a.measure not in ("pings", "compare") and not a.spec.scale,
        "Only a sample of clients is asked: counts are those of the sample, and numbers of small groups vary "
        "by chance.",
    ),
    (
        lambda a: a.has_newest,
        "Pings can arrive days after what they tell of, so the newest days and builds are not complete; the "
        "first to update and to report are not like the others.",
    ),
    # What has weight.
    (
        lambda a: a.is_histogram and a.measure != "compare" and a.spec.normalization == "none",
        "Every sample weighs the same, so that a few clients with very many samples can make up the answer; "
        "`normalization: client` gives each client one vote.",
    ),
    (
        lambda a: a.is_histogram and a.spec.normalization == "client",
        "A client with one sample weighs as much as one with a million: the answer is about what a client "
        "sees, not about most samples.",
    ),
    (
        lambda a: a.is_histogram and a.spec.normalization == "client_day",
        "A client that reports on many days weighs more than one that reports on one.",
    ),
    (
        lambda a: a.measure == "rate",
        "A rate weighs hours (or whatever it is divided by), not clients: it doesn't tell whether many "
        "clients have a few events each, or few have many.",
    ),
    (
        lambda a: a.is_legacy and a.is_of_parent,
        "Only what the parent process recorded counts; `process: combined` takes all processes together.",
    ),
    # How exact it is.
    (
        lambda a: a.is_histogram and a.measure == "percentiles" and not a.plan.about.is_interpolated,
        "A percentile is no finer than its bucket: a change inside the bucket doesn't show, and a tiny one "
        "across its edge shows as a jump to the next.",
    ),
    (
        lambda a: a.plan.about.is_interpolated,
        "The place of a percentile inside its bucket is a guess: samples in it may not be spread evenly.",
    ),
    (
        lambda a: a.spec.prior,
        "Shares are drawn towards equal ones; in groups of few clients this is most of what is seen.",
    ),
    (
        lambda a: a.spec.trim,
        "Peaks are left out of the rate, also those that were real.",
    ),
    (
        lambda a: a.could_have_limits,
        "Whether two rows differ by more than chance is not said; `confidence: 0.95` adds limits.",
    ),
    (
        lambda a: a.spec.confidence and a.spec.method == "clients" and a.measure in _LIMITED,
        "The limits are about chance, with clients as independent units. They know nothing of clients that "
        "are missing, or of errors in what is recorded.",
    ),
    (
        lambda a: a.spec.method == "poisson",
        "The limits take events to be independent. Where a few clients have many each, such as machines "
        "that crash in a loop, they are too narrow; `method: clients` knows that.",
    ),
    (
        lambda a: (
            a.plan.about.splits
            and a.measure in _LIMITED
            and not a.spec.min_clients
            and not a.spec.min_usage_hours
        ),
        "Groups of few clients look as sure as large ones: look at n_clients, or add `min_clients`.",
    ),
    (
        lambda a: a.plan.about.splits and a.reads_clients and a.measure != "compare",
        "A client can be in several groups, so that n_clients of groups cannot be added up.",
    ),
    (
        lambda a: a.plan.about.splits and a.measure in ("percentiles", "summary", "rate"),
        "Percentiles, means and rates of groups cannot be averaged into that of all: groups have different "
        "sizes.",
    ),
    (
        lambda a: a.spec.cube,
        "The rows of all values, `*`, overlap with the others; don't add them up.",
    ),
    # Causes.
    (
        lambda a: a.plan.about.splits and a.reads_clients and a.measure != "compare",
        "Groups differ in more than what they are split by: a difference between them does not tell its "
        "cause.",
    ),
    (
        lambda a: a.measure == "compare" and not a.is_drawn,
        "Nobody drew these branches by chance, as far as is known; they may differ in more than their name.",
    ),
    (
        lambda a: a.measure == "compare" and a.is_drawn,
        "It is about clients of this experiment, while it ran. Those who left it, or send nothing, are not "
        "counted in the branch that they were drawn for.",
    ),
    (
        lambda a: a.measure == "compare" and a.has_outsiders,
        "Clients that are not enrolled stand in for a branch, and may differ from enrolled ones in more than "
        "the experiment.",
    ),
    (
        lambda a: a.measure == "compare",
        "A large p-value does not show that there is no difference; `detectable` is what this sample could "
        "have shown. A small one says nothing of how much a difference matters.",
    ),
    (
        lambda a: a.spec.analysis_unit == "ping",
        "Pings of one client resemble each other; p-values that take them for independent are too small.",
    ),
    (
        lambda a: a.measure == "pings",
        "These are single pings, chosen by their order alone; nothing follows from them about the others.",
    ),
)


def caveats(spec: Spec, plan: Plan) -> tuple[str, ...]:
    """What the answer cannot say, a sentence or two each; who is asked first, causes last."""
    asked = _Asked(spec, plan)
    return tuple(said for holds, said in _CAVEATS if holds(asked))
