"""The second actor of a machine: creates, deletes and changes what is in the account, whoever owns
it, without this program."""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from reconciler.resource import OWNER_TAG
from tests.machine.files import NAMES
from tests.machine.world import Thing, World

picks = st.integers(0, 30)
flags = st.booleans()


class Somebody(RuleBasedStateMachine):
    """Rules for a machine that has a world."""

    world: World
    counts: Counter[str]

    @rule(
        section=st.sampled_from(list(NAMES)),
        pick=picks,
        owner=st.sampled_from([None, None, "others"]),
        twin=flags,
    )
    def somebody_creates(self, section: str, pick: int, owner: str | None, twin: bool) -> None:
        """Under a name of ours as often as not."""
        tags = [{"Key": OWNER_TAG, "Value": owner}] if owner else []
        name = NAMES[section][pick % len(NAMES[section])] if twin else f"x/y{pick}"
        done = False
        if section == "hosts":
            url = f"https://{'abcx'[pick % 4]}.example.com"
            kind = {"ProviderType": "GitHubEnterpriseServer", "ProviderEndpoint": url}
            done = self.world.act("CreateHost", Name=name, **kind, Tags=tags)
        elif section == "connections":
            done = self.world.act(
                "CreateConnection", ConnectionName=name, ProviderType="GitHub", Tags=tags
            )
        elif section == "sync_configurations":
            if above := self._thing("repository_link", pick):
                done = self._sync(f"x{pick}" if "/" in name else name, above)
        elif above := self._thing("connection", pick):
            of, repository = name.split("/")
            where = {"OwnerId": of, "RepositoryName": repository, "ConnectionArn": above.arn}
            done = self.world.act("CreateRepositoryLink", **where, Tags=tags)
        self.counts["somebody created"] += done

    @rule(pick=picks, ours=flags)
    def somebody_deletes(self, pick: int, ours: bool) -> None:
        found = [thing for thing in self.world.things() if (thing.run is not None) == ours]
        if found:
            self.counts["somebody deleted"] += self._delete(found[pick % len(found)])

    @rule(
        pick=picks,
        tags=st.sampled_from([{"team": "other"}, {"late": "1"}, {OWNER_TAG: "others"}]),
    )
    def somebody_tags(self, pick: int, tags: dict[str, str]) -> None:
        found = [thing for thing in self.world.things() if thing.arn]
        if found:
            arn = found[pick % len(found)].arn
            wanted = [{"Key": key, "Value": value} for key, value in tags.items()]
            self.counts["somebody tagged"] += self.world.act(
                "TagResource", ResourceArn=arn, Tags=wanted
            )

    @rule(pick=picks, key=st.sampled_from(["team", OWNER_TAG]))
    def somebody_untags(self, pick: int, key: str) -> None:
        found = [thing for thing in self.world.things() if thing.arn]
        if found:
            arn = found[pick % len(found)].arn
            self.counts["somebody untagged"] += self.world.act(
                "UntagResource", ResourceArn=arn, TagKeys=[key]
            )

    @rule(pick=picks, value=picks)
    def somebody_changes(self, pick: int, value: int) -> None:
        """A field, or what a link or a sync configuration stands under."""
        kinds = ("host", "repository_link", "sync_configuration")
        found = [thing for thing in self.world.things() if thing.kind in kinds]
        thing = found[pick % len(found)] if found else None
        done = False
        match thing:
            case Thing(kind="host"):
                url = f"https://{'abcy'[value % 4]}.example.com"
                done = self.world.act("UpdateHost", HostArn=thing.id, ProviderEndpoint=url)
            case Thing(kind="repository_link"):
                if above := self._thing("connection", value):
                    moved = {"RepositoryLinkId": thing.id, "ConnectionArn": above.arn}
                    done = self.world.act("UpdateRepositoryLink", **moved)
            case Thing(kind="sync_configuration"):
                of = {"ResourceName": thing.id, "SyncType": "CFN_STACK_SYNC"}
                done = self.world.act("UpdateSyncConfiguration", **of, Branch=f"their{value}")
        self.counts["somebody changed"] += done

    def take_twins_away(self) -> None:
        """Which of two objects of one name is meant, only people can say."""
        things = self.world.things()
        named = Counter(thing.address for thing in things)
        for thing in things:
            if named[thing.address] > 1 and not thing.run and self._delete(thing):
                named[thing.address] -= 1

    def _sync(self, name: str, link: Thing) -> bool:
        what = {"Branch": "theirs", "ConfigFile": "b.yaml", "SyncType": "CFN_STACK_SYNC"}
        role = "arn:aws:iam::111122223333:role/theirs"
        of = {"ResourceName": name, "RepositoryLinkId": link.id, "RoleArn": role}
        return self.world.act("CreateSyncConfiguration", **what, **of)

    def _thing(self, kind: str, pick: int) -> Thing | None:
        found = [thing for thing in self.world.things() if thing.kind == kind]
        return found[pick % len(found)] if found else None

    def _delete(self, thing: Thing) -> bool:
        match thing.kind:
            case "host":
                return self.world.act("DeleteHost", HostArn=thing.id)
            case "connection":
                return self.world.act("DeleteConnection", ConnectionArn=thing.id)
            case "repository_link":
                return self.world.act("DeleteRepositoryLink", RepositoryLinkId=thing.id)
            case _:
                of = {"ResourceName": thing.id, "SyncType": "CFN_STACK_SYNC"}
                return self.world.act("DeleteSyncConfiguration", **of)
