"""Turns what pydantic says about one entry into problems with a place in the file, a stable code
and a hint; raw YAML values and pydantic's errors go in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from reconciler.spec.problems import Problem, cut, shown
from reconciler.spec.source import Map, Refused, Seq, Unquoted

Place = tuple[str | int, ...]
ModelT = TypeVar("ModelT", bound=BaseModel)
LONGEST = 400
"""How much of what a file says about a rule is repeated: whole names, not megabytes."""
WORD = 200
"""How much of a wrong word is held against the right ones."""
_KEY: Place = ("[key]",)
"""How pydantic ends a place where a key is wrong, and not its value."""


def validated(
    model: type[ModelT], data: Mapping[str, Any], raw: Map, file: str, problems: list[Problem]
) -> ModelT | None:
    """The model's instance, or None after every problem of the data has been added.

    `data` is what is validated; `raw` is the mapping as it stands in `file`, for the positions.
    """
    before = len(problems)
    problems.extend(_empty_values(raw, [key for key in raw if key in data], file))
    try:
        instance = model.model_validate(data)
    except ValidationError as error:
        problems.extend(
            _problem(model, violation, raw, file)
            for violation in error.errors(include_url=False)
            if not _is_reported_elsewhere(violation["input"])
        )
        return None
    return instance if len(problems) == before else None


def fault(error: ValidationError) -> str:
    """The first thing wrong with data that stands in no file, in one line."""
    violation = error.errors(include_url=False)[0]
    if violation["type"] == "extra_forbidden":
        return f"unknown key {_name(violation['loc'])}"
    explain: Callable[..., Explained] = _EXPLAIN.get(violation["type"], _wrong_type)
    context = violation.get("ctx", {})
    _, message, hint = explain(_name(violation["loc"]), violation["input"], context)
    return f"{message} ({hint})" if hint else message


def position(raw: Map, place: Place) -> tuple[int, int]:
    """Line and column of the value at a place, or of the nearest thing around it."""
    mark = raw.mark
    node: Any = raw
    for number, step in enumerate(place):
        if not isinstance(node, Map | Seq) or not _holds(node, step):
            break
        marks: Any = node.marks
        if isinstance(node, Map) and place[number + 1 :] == _KEY:
            marks = node.keymarks
        mark, node = marks[step], node[step]
    return mark


def _holds(node: Map | Seq, step: str | int) -> bool:
    return step in node if isinstance(node, Map) else isinstance(step, int) and step < len(node)


def _empty_values(
    node: Map | Seq, steps: Iterable[str | int], file: str, place: Place = ()
) -> Iterator[Problem]:
    """A key or item without a value is neither unset nor empty: nobody can tell what was meant."""
    inside: Any = node
    for step in steps:
        value, here = inside[step], (*place, step)
        if value is None:
            hint = f"write a value, or remove the {'key' if isinstance(step, str) else 'item'}"
            line, column = inside.marks[step]
            yield Problem(file, line, column, "E034", f"{_name(here)} has no value", hint)
        elif isinstance(value, Map | Seq):
            below = value if isinstance(value, Map) else range(len(value))
            yield from _empty_values(value, below, file, here)


def _is_reported_elsewhere(value: object) -> bool:
    return value is None or isinstance(value, Refused)


def _problem(model: type[BaseModel], violation: Mapping[str, Any], raw: Map, file: str) -> Problem:
    place: Place = violation["loc"]
    if violation["type"] == "extra_forbidden":
        return _unknown_key(model, place, raw, file)
    explain: Callable[..., Explained] = _EXPLAIN.get(violation["type"], _wrong_type)
    code, message, hint = explain(_name(place), violation["input"], violation.get("ctx", {}))
    return Problem(file, *position(raw, place), code, message, hint)


def _name(place: Place) -> str:
    """A place as people write it: `vpc_configuration.subnet_ids[2]`."""
    text = ""
    for step in place:
        if step in _KEY:
            continue
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return shown(text.removeprefix(".")) if text else "the entry"


def _unknown_key(model: type[BaseModel], place: Place, raw: Map, file: str) -> Problem:
    *outer, key = place
    node: Any = raw
    for step in outer:
        node = node[step]
        model = _inner_model(model, step)
    mark = node.keymarks[key] if isinstance(node, Map) and isinstance(key, str) else raw.mark
    close = get_close_matches(cut(str(key), WORD), model.model_fields, n=1)
    known = ", ".join(sorted(model.model_fields))
    hint = f"did you mean {close[0]}?" if close else f"known keys: {known}"
    return Problem(file, *mark, "E030", f"unknown key {_name(place)}", hint)


def _inner_model(model: type[BaseModel], step: str | int) -> type[BaseModel]:
    """The model of the structure that a field holds, alone or in a list."""
    if isinstance(step, int):
        return model
    annotation = model.model_fields[step].annotation
    arguments = getattr(annotation, "__args__", (annotation,))
    models = (a for a in arguments if isinstance(a, type) and issubclass(a, BaseModel))
    return next(models, model)


Explained = tuple[str, str, str]


def _missing(name: str, value: object, context: Mapping[str, Any]) -> Explained:
    return "E031", f"required key {name} is missing", "add it"


def _not_text(name: str, value: object, context: Mapping[str, Any]) -> Explained:
    if isinstance(value, Unquoted):
        text, what = value.text, value.what
    elif isinstance(value, bool | int):
        text = str(value).lower()
        what = "a boolean" if isinstance(value, bool) else "a number"
    else:
        return _wrong_type(name, value, {"wanted": "text"})
    message = f"{name} has to be text, and YAML reads {shown(text)} as {what}"
    return "E033", message, f'quote it: "{cut(text, LONGEST)}"'


def _wrong_type(name: str, value: object, context: Mapping[str, Any]) -> Explained:
    wanted = context.get("wanted", "something else")
    return "E032", f"{name} has to be {wanted}, not {_what(value)}", _HOW.get(wanted, "")


_HOW = {
    "text": "write one text",
    "true or false": "write true or false, without quotes",
    "a list": "write `- ` before each item, or [item, item]",
    "a mapping": "write `key: value` lines under it, further to the right",
}


def _typed(wanted: str) -> Callable[[str, object, Mapping[str, Any]], Explained]:
    return lambda name, value, context: _wrong_type(name, value, {"wanted": wanted})


def _what(value: object) -> str:
    match value:
        case Map() | dict():
            return "a mapping"
        case Seq() | list():
            return "a list"
        case Unquoted():
            return f"{value.what} ({shown(value.text)})"
        case str():
            return f"the text {shown(value)}"
        case _:
            return shown(str(value).lower())


def _length(name: str, value: object, context: Mapping[str, Any]) -> Explained:
    length = len(value) if isinstance(value, str) else 0
    return "E035", f"{name} has {length} characters", _bound(context)


def _bound(context: Mapping[str, Any]) -> str:
    if "max_length" in context:
        return f"at most {context['max_length']} are allowed"
    return f"at least {context['min_length']} needed"


def _unprintable(name: str, value: object, context: Mapping[str, Any]) -> Explained:
    message = f"{name} holds the unprintable character U+{context['code']}"
    return "E036", message, "remove it: names and tags are shown on terminals"


def _pattern(name: str, value: object, context: Mapping[str, Any]) -> Explained:
    message = f"{name} cannot be {shown(str(value))}"
    return "E037", message, f"it has to match {context['regex']}"


def _choice(name: str, value: object, context: Mapping[str, Any]) -> Explained:
    allowed = context["expected"].replace("'", "")
    words = allowed.replace(" or ", ", ").split(", ")
    word = cut(value, WORD) if isinstance(value, str) else ""
    close = get_close_matches(word, words, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}?" if close else f"it has to be {allowed}"
    return "E038", f"{name} cannot be {_what(value)}", hint


def _count(name: str, value: object, context: Mapping[str, Any]) -> Explained:
    length = len(value) if isinstance(value, list | dict) else context.get("actual_length")
    return "E039", f"{name} holds {length} items", _bound(context)


def _rule(name: str, value: object, context: Mapping[str, Any]) -> Explained:
    where = "" if name == "the entry" else f"{name}: "
    return "E040", cut(where + context["message"], LONGEST), context["hint"]


_EXPLAIN: dict[str, Callable[[str, Any, Mapping[str, Any]], Explained]] = {
    "missing": _missing,
    "string_type": _not_text,
    "string_too_short": _length,
    "string_too_long": _length,
    "unprintable": _unprintable,
    "pattern": _pattern,
    "literal_error": _choice,
    "too_short": _count,
    "too_long": _count,
    "rule": _rule,
    "bool_type": _typed("true or false"),
    "list_type": _typed("a list"),
    "frozen_set_type": _typed("a list"),
    "dict_type": _typed("a mapping"),
    "model_type": _typed("a mapping"),
}
