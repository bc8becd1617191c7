"""The record of one run of a program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, KeysView
from typing import Any

from pyro.errors import DuplicateSiteError
from pyro.poutine import sites
from pyro.poutine.trace_format import format_shapes
from pyro.poutine.trace_scoring import check_finite, score_site, site_log_prob_sum
from pyro.runtime import Message

SiteFilter = Callable[[str, Message], bool]


class Trace:
    """The sites of one run in the order of execution, with what is needed to score them.

    ``nodes`` maps names to messages. Besides the sites there are ``_INPUT`` (the arguments) and
    ``_RETURN`` (the return value) when the trace was made by calling a function. Scores are
    computed once and remembered in the nodes (``log_prob``, ``unscaled_log_prob``,
    ``log_prob_sum``, ``score_parts``): a value changed afterwards leaves them as they are.

    :param graph_type: "flat", or "dense" to record edges between all pairs of sites that are not
        separated by a sequential plate.

    Example::

        >>> def model():
        ...     with pyro.plate("data", 3):
        ...         pyro.sample("x", dist.Normal(0.0, 1.0), obs=torch.zeros(3))
        >>> trace = poutine.trace(model).get_trace()
        >>> trace.log_prob_sum()
        tensor(-2.7568)
        >>> print(trace.format_shapes())
        Trace Shapes:
         Param Sites:
        Sample Sites:
                    x     dist 3 |
                         value 3 |
                      log_prob 3 |
    """

    def __init__(self, graph_type: str = "flat") -> None:
        if graph_type not in ("flat", "dense"):
            raise ValueError(f"graph_type must be 'flat' or 'dense', but got {graph_type!r}")
        self.graph_type = graph_type
        self.nodes: dict[str, Message] = {}
        self._successors: dict[str, dict[str, None]] = {}
        self._predecessors: dict[str, dict[str, None]] = {}

    # --- the mapping -------------------------------------------------------------------------

    def __contains__(self, name: str) -> bool:
        return name in self.nodes

    def __iter__(self) -> Iterator[str]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def add_node(self, site_name: str, **site: Any) -> None:
        """Record a site.

        :raises DuplicateSiteError: if the name is in use by another than a repeated parameter.
        """
        self.record(site_name, site)  # type: ignore[arg-type]

    def record(self, name: str, site: Message) -> None:
        """Like :meth:`add_node`, but keeps the mapping that is passed."""
        previous = self.nodes.get(name)
        if previous is not None:
            kind = site["type"]
            if previous["type"] != kind:
                raise DuplicateSiteError(
                    f"{name} is already in the trace as a {previous['type']}: a {kind} site needs "
                    "another name"
                )
            if kind != "param":
                raise DuplicateSiteError(
                    f"Multiple {kind} sites named '{name}'. Every pyro.{kind} statement of one run "
                    f'needs its own name; in a loop use f"{name}_{{i}}", or a plate.'
                )
        self.nodes[name] = site

    def remove_node(self, name: str) -> None:
        """Remove a site and its edges."""
        del self.nodes[name]
        for other in self._successors.pop(name, {}):
            del self._predecessors[other][name]
        for other in self._predecessors.pop(name, {}):
            del self._successors[other][name]

    def copy(self) -> Trace:
        """A new trace with the same node mappings (a shallow copy)."""
        new = Trace(self.graph_type)
        new.nodes = self.nodes.copy()
        new._successors = {name: others.copy() for name, others in self._successors.items()}
        new._predecessors = {name: others.copy() for name, others in self._predecessors.items()}
        return new

    # --- the graph ---------------------------------------------------------------------------

    @property
    def edges(self) -> list[tuple[str, str]]:
        """All pairs (site, later site that may depend on it)."""
        return [(a, b) for a, others in self._successors.items() for b in others]

    def add_edge(self, first: str, second: str) -> None:
        """Record that ``second`` may depend on ``first``."""
        self._successors.setdefault(first, {})[second] = None
        self._predecessors.setdefault(second, {})[first] = None

    def successors(self, name: str) -> KeysView[str]:
        """The sites that may depend directly on a site."""
        return self._successors.get(name, {}).keys()

    def predecessors(self, name: str) -> KeysView[str]:
        """The sites that a site may depend on directly."""
        return self._predecessors.get(name, {}).keys()

    def topological_sort(self, reverse: bool = False) -> list[str]:
        """Names in an order in which every site follows those it depends on."""
        order: list[str] = []
        visited: set[str] = set()
        for root in self.nodes:
            pending = [(root, iter(self._predecessors.get(root, {})))]
            while pending:
                name, parents = pending[-1]
                parent = next((p for p in parents if p not in visited), None)
                if parent is not None:
                    pending.append((parent, iter(self._predecessors.get(parent, {}))))
                    continue
                pending.pop()
                if name not in visited:
                    visited.add(name)
                    order.append(name)
        return order[::-1] if reverse else order

    # --- scoring -----------------------------------------------------------------------------

    def log_prob_sum(self, site_filter: SiteFilter = lambda name, site: True) -> Any:
        """The sum of the scaled and masked log-probabilities of the sites that pass the filter.

        :return: A scalar tensor; 0.0 when no site passes.
        """
        chosen = self._sample_sites(site_filter)
        total: Any = 0.0
        for site in chosen:
            total = total + site_log_prob_sum(self.nodes, site)
        check_finite(chosen, total)
        return total

    def compute_log_prob(self, site_filter: SiteFilter = lambda name, site: True) -> None:
        """Fill in ``log_prob``, ``unscaled_log_prob`` and ``log_prob_sum`` of each sample site."""
        chosen = self._sample_sites(site_filter)
        for site in chosen:
            site_log_prob_sum(self.nodes, site)
        check_finite(chosen)

    def compute_score_parts(self) -> None:
        """Fill in ``score_parts`` too: what gradient estimators need of each sample site."""
        chosen = self._sample_sites(lambda name, site: True)
        for site in chosen:
            if "score_parts" not in site:
                score_site(self.nodes, site)
        check_finite(chosen)

    def detach_(self) -> None:
        """Cut the values of the sample sites off their history."""
        for site in self._sample_sites(lambda name, site: True):
            site["value"] = site["value"].detach()

    def _sample_sites(self, site_filter: SiteFilter) -> list[Message]:
        return [
            site
            for name, site in self.nodes.items()
            if site["type"] == "sample" and site_filter(name, site)
        ]

    # --- views -------------------------------------------------------------------------------

    @property
    def stochastic_nodes(self) -> list[str]:
        """Names of the unobserved sample sites (plates' index draws included)."""
        return [name for name, site in self.nodes.items() if sites.is_stochastic(site)]

    @property
    def observation_nodes(self) -> list[str]:
        """Names of the observed sample sites."""
        return [name for name, site in self.nodes.items() if sites.is_observed(site)]

    @property
    def param_nodes(self) -> list[str]:
        """Names of the parameters."""
        return [name for name, site in self.nodes.items() if sites.is_param(site)]

    @property
    def reparameterized_nodes(self) -> list[str]:
        """Names of the unobserved sites whose values carry gradients to their parameters."""
        return [name for name, site in self.nodes.items() if sites.is_reparameterized(site)]

    @property
    def nonreparam_stochastic_nodes(self) -> list[str]:
        """Names of the unobserved sites that need a score function estimator."""
        reparameterized = set(self.reparameterized_nodes)
        return [name for name in self.stochastic_nodes if name not in reparameterized]

    def iter_stochastic_nodes(self) -> Iterator[tuple[str, Message]]:
        """The unobserved sample sites with their names."""
        return ((name, s) for name, s in self.nodes.items() if sites.is_stochastic(s))

    def format_shapes(self, title: str = "Trace Shapes:", last_site: str | None = None) -> str:
        """A table of the shapes of all sites, batch dims left and event dims right of the bar.

        :param last_site: The name of the last site to show.
        """
        return format_shapes(self.nodes, title, last_site)
