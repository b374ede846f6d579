"""The form of policy files: paths go in, rules come out, or every problem of all files at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from reconciler.errors import SpecError
from reconciler.fields import Text, broken_rule
from reconciler.kinds import BY_NAME
from reconciler.policy.cel import mistake
from reconciler.spec.listed import mappings
from reconciler.spec.problems import Enough, Problem, Problems, shown
from reconciler.spec.source import Map, Source, read_sources
from reconciler.spec.violations import position, validated


def _kind(name: str) -> str:
    if name not in BY_NAME:
        raise broken_rule(f"there is no kind {shown(name)}", f"it is one of {', '.join(BY_NAME)}")
    return name


class Rule(BaseModel):
    """What has to be true of every object, of every change, or of the plan."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: Annotated[str, Text(1, 64, r"[a-z0-9]+(-[a-z0-9]+)*")] = Field(
        description="What the rule is called wherever it is told of."
    )
    level: Literal["mandatory", "advisory"] = Field(
        "mandatory", description="Whether the plan is refused, or a warning given."
    )
    message: Annotated[str, Text(1, 400)] = Field(
        description="What is wrong, and what to do, when the expression is false."
    )
    each: Literal["object", "change", "plan"] = Field(
        "object",
        description="What the expression is about, and the variable that holds it: each declared "
        "object, each change (deletes too), or the plan as a whole.",
    )
    kinds: list[Annotated[str, AfterValidator(_kind)]] | None = Field(
        None, min_length=1, description="The kinds of objects it is about; all unless given."
    )
    expression: Annotated[str, Text(1, 4000)] = Field(
        description="What has to be true, in CEL. `target` and `owner` are variables too."
    )

    @model_validator(mode="after")
    def _of_one_kind(self) -> Rule:
        """A plan is of no kind."""
        if self.each == "plan" and self.kinds is not None:
            raise broken_rule("a plan has no kind", "take `kinds` out, or say `each: change`")
        return self


class PolicyFile(BaseModel):
    """A policy file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, title="Policy")

    version: Literal[1] = Field(description="The version of this file format.")
    rules: list[Rule] = Field(default=[], description="The rules; at least one.")


def load(paths: Sequence[str]) -> tuple[Rule, ...]:
    """Read the rules of files and folders.

    Raises `SpecError` with every problem, an expression that is not CEL among them.
    """
    problems = Problems()
    taken: dict[str, Rule] = {}
    try:
        for source in read_sources(paths, problems):
            for raw, rule in _rules(source, problems):
                if rule.id in taken:
                    line, column = position(raw, ("id",))
                    text = f"rule {shown(rule.id)} is already there"
                    hint = "give it another id"
                    problems.append(Problem(source.name, line, column, "E041", text, hint))
                taken[rule.id] = rule
    except Enough:
        pass
    if problems:
        raise SpecError(sorted(problems))
    return tuple(taken.values())


def _rules(source: Source, problems: Problems) -> Iterator[tuple[Map, Rule]]:
    """The rules of one file that are right by themselves, each with how it is written."""
    content = source.content
    rest = {key: value for key, value in content.items() if key != "rules"}
    validated(PolicyFile, rest, content, source.name, problems)
    for raw in mappings(source, "rules", "id: NAME", problems):
        rule = validated(Rule, raw, raw, source.name, problems)
        if rule is None:
            continue
        if (what := mistake(rule.expression)) is not None:
            place = position(raw, ("expression",))
            text = f"`expression` is not CEL: {what}"
            hint = "it is like `object.branch == 'main'`"
            problems.append(Problem(source.name, *place, "E050", text, hint))
            continue
        yield raw, rule
