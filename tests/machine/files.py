"""The files of a machine: entries that are edited as a person would edit them, spread over a few
real YAML files in some order, and always valid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

OWNER = "platform"
FILES = 3
Key = tuple[str, str]
"""The section and the name of an entry."""
Entry = dict[str, Any]

CLOUD = ("GitHub", "Bitbucket", "GitLab")
INSTALLED = ("GitHubEnterpriseServer", "GitLabSelfManaged")
TAGS: tuple[dict[str, str] | None, ...] = (
    None,
    {},
    {"team": "net"},
    {"team": "data"},
    {"team": "net", "cost": "7"},
)
NAMES = {
    "hosts": ("h0", "h1"),
    "connections": ("c0", "c1", "c2", "c3"),
    "repository_links": ("acme/r0", "acme/r1", "acme/r2"),
    "sync_configurations": ("s0", "s1", "s2"),
}
PARENTS = {
    "connections": ("hosts", "host"),
    "repository_links": ("connections", "connection"),
    "sync_configurations": ("repository_links", "repository"),
}
KINDS = {
    "hosts": "host",
    "connections": "connection",
    "repository_links": "repository_link",
    "sync_configurations": "sync_configuration",
}


@dataclass
class Files:
    """What is declared, and in which file and order it is written."""

    folder: Path
    entries: dict[Key, Entry] = field(default_factory=dict)
    where: dict[Key, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.write()

    def add(self, section: str, pick: int) -> bool:
        """A new entry under a name that is not in use."""
        free = [name for name in NAMES[section] if (section, name) not in self.entries]
        if not free:
            return False
        name = free[pick % len(free)]
        entry = self._new(section, name, pick)
        if entry is None:
            return False
        for other in self._of(section):  # whose former name it is, is lost
            former = other.get("previously", [])
            other["previously"] = [one for one in former if one != name]
        self.entries[section, name] = entry
        self.where[section, name] = pick % FILES
        self.write()
        return True

    def remove(self, pick: int) -> bool:
        """An entry goes, and with it those that refer to it."""
        if not self.entries:
            return False
        self._remove(self.key(pick))
        self.write()
        return True

    def tag(self, pick: int, tags: dict[str, str] | None) -> bool:
        keys = [key for key in sorted(self.entries) if key[0] != "sync_configurations"]
        if not keys:
            return False
        self._set(self.entries[keys[pick % len(keys)]], "tags", tags)
        self.write()
        return True

    def change(self, pick: int, value: int) -> bool:
        """Another value of a field that AWS can update, or another parent."""
        if not self.entries:
            return False
        section, name = self.key(pick)
        entry = self.entries[section, name]
        if section == "hosts":
            return self._move_host(entry, value)
        if section == "sync_configurations" and value % 2:
            what = ("branch", "config_file")[value // 2 % 2]
            entry[what] = f"{what}{value % 3}"
        elif (parent := self._parent(section, value)) is not None:
            entry[PARENTS[section][1]] = parent
            entry.pop("provider_type", None)
        self.write()
        return True

    def change_provider(self, pick: int, value: int) -> bool:
        """What AWS cannot change: the object has to be replaced."""
        keys = [key for key in sorted(self.entries) if key[0] in ("hosts", "connections")]
        if not keys:
            return False
        key = keys[pick % len(keys)]
        types = INSTALLED if key[0] == "hosts" else CLOUD
        self.entries[key]["provider_type"] = types[value % len(types)]
        self.entries[key].pop("host", None)
        self.write()
        return True

    def rename(self, pick: int) -> bool:
        """Another name, with the old one as a former name."""
        if not self.entries:
            return False
        section, old = self.key(pick)
        free = [name for name in NAMES[section] if (section, name) not in self.entries]
        entry = self.entries[section, old]
        if not free or (section == "hosts" and not self._move_host(entry, pick)):
            return False
        new = free[pick % len(free)]
        for other in self._of(section):
            other["previously"] = [one for one in other.get("previously", []) if one != new]
        named = dict(zip(_naming(section), new.split("/"), strict=True))
        former = [*entry.get("previously", []), old]
        del self.entries[section, old]
        self.entries[section, new] = {**entry, **named, "previously": former}
        self.where[section, new] = self.where.pop((section, old))
        for key, member in self._users(section, old):
            self.entries[key][member] = new
        self.write()
        return True

    def extra(self, pick: int, name: str, value: object) -> bool:
        """A key that every entry takes: `protect`, `adopt`, `previously`."""
        if not self.entries:
            return False
        self._set(self.entries[self.key(pick)], name, value)
        self.write()
        return True

    def shuffle(self, seed: int) -> None:
        """The same entries in other files and in another order."""
        random = Random(seed)
        keys = list(self.entries)
        random.shuffle(keys)
        self.entries = {key: self.entries[key] for key in keys}
        self.where = {key: random.randrange(FILES) for key in keys}
        self.write()

    def addresses(self) -> set[str]:
        """The address of every entry."""
        return {f"{KINDS[section]}/{name}" for section, name in self.entries}

    def adopted(self) -> set[str]:
        """The addresses of the entries that take over what nobody owns."""
        return {
            f"{KINDS[section]}/{name}"
            for (section, name), entry in self.entries.items()
            if entry.get("adopt")
        }

    def key(self, pick: int) -> Key:
        keys = sorted(self.entries)
        return keys[pick % len(keys)]

    def write(self) -> None:
        for number in range(FILES):
            lines = ["version: 1", f"owner: {OWNER}"]
            for section in NAMES:
                own = [
                    f"- {json.dumps(entry)}"
                    for key, entry in self.entries.items()
                    if key[0] == section and self.where[key] == number
                ]
                lines += [f"{section}:", *own] if own else []
            (self.folder / f"{number}.yaml").write_text("\n".join([*lines, ""]), encoding="utf-8")

    def _new(self, section: str, name: str, pick: int) -> Entry | None:
        entry: Entry = dict(zip(_naming(section), name.split("/"), strict=True))
        parent = self._parent(section, pick)
        match section:
            case "hosts":
                entry["provider_type"] = INSTALLED[pick % 2]
                if not self._move_host(entry, pick):
                    return None
            case "connections":
                if parent is not None and pick % 3 == 0:
                    entry["host"] = parent
                else:
                    entry["provider_type"] = CLOUD[pick % len(CLOUD)]
            case "repository_links":
                entry["connection"] = parent
            case "sync_configurations":
                entry["repository"] = parent
                entry |= {"branch": "main", "config_file": "a.yaml"}
                entry["role_arn"] = "arn:aws:iam::111122223333:role/git-sync"
        if None in entry.values():
            return None
        if section != "sync_configurations":
            self._set(entry, "tags", TAGS[pick % len(TAGS)])
        return entry

    def _parent(self, section: str, pick: int) -> str | None:
        if section not in PARENTS:
            return None
        names = sorted(name for of, name in self.entries if of == PARENTS[section][0])
        return names[pick % len(names)] if names else None

    def _move_host(self, entry: Entry, pick: int) -> bool:
        """Give a host a URL that no other one has."""
        urls = [f"https://{name}.example.com" for name in ("a", "b", "c")]
        taken = {
            one["provider_endpoint"] for one in self._of("hosts") if "provider_endpoint" in one
        }
        free = [url for url in urls if url not in taken]
        entry["provider_endpoint"] = free[pick % len(free)]
        self.write()
        return True

    def _remove(self, key: Key) -> None:
        for user, _ in list(self._users(*key)):
            self._remove(user)
        self.entries.pop(key, None)
        self.where.pop(key, None)

    def _users(self, section: str, name: str) -> Iterator[tuple[Key, str]]:
        """The entries that refer to one, and with which member."""
        for key, entry in list(self.entries.items()):
            of, member = PARENTS.get(key[0], ("", ""))
            if of == section and entry.get(member) == name:
                yield key, member

    def _of(self, section: str) -> list[Entry]:
        return [entry for (of, _), entry in self.entries.items() if of == section]

    @staticmethod
    def _set(entry: Entry, name: str, value: object) -> None:
        entry.pop(name, None)
        if value is not None:
            entry[name] = value


def _naming(section: str) -> tuple[str, ...]:
    match section:
        case "repository_links":
            return ("owner_id", "repository_name")
        case "sync_configurations":
            return ("resource_name",)
        case _:
            return ("name",)
