"""How one emulator behaves: every choice that AWS leaves open is a switch of a frozen value."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """How many objects may exist; more is a LimitExceededException.

    Source: https://docs.aws.amazon.com/dtconsole/latest/userguide/limits-connections.html
    (all counted per account and Region).
    """

    connections: int = 250
    """Connections whose home Region is the one called."""
    hosts: int = 50
    """Hosts, those being deleted included."""
    repository_links: int = 100
    """Repository links."""
    sync_configurations: int = 100
    """Sync configurations of all repository links together."""
    sync_configurations_per_link: int = 100
    """Sync configurations of one repository link."""
    sync_configurations_per_branch: int = 50
    """Sync configurations of one branch of one repository link."""
    tags: int = 50
    """Tags on one resource. No page gives a number; 50 is the custom of other AWS services."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every switch of one emulator; times are seconds."""

    store: Path | None = None
    """The SQLite file that holds the state; None keeps it in memory, private to this server."""
    port: int = 0
    """TCP port on 127.0.0.1; 0 takes a free one."""
    handshake: Literal["auto", "manual"] = "auto"
    """Who finishes what is PENDING: a simulated person, or a real one by Control or page."""
    handshake_seconds: float = 1.0
    """How long the simulated person takes."""
    vpc_seconds: float = 0.5
    """How long VPC_CONFIG_INITIALIZING and VPC_CONFIG_DELETING last; minutes at AWS."""
    page_size: int = 20
    """Items of a page when MaxResults is absent or 0 (unknown at AWS; the maximum is 100)."""
    quotas: Quotas = field(default_factory=Quotas)
    """How many objects may exist."""
    duplicate_connection_names: Literal["allow", "refuse"] = "allow"
    """AWS's pages contradict each other: the model says unique, no error is declared for it."""
    duplicate_host_names: Literal["allow", "refuse"] = "allow"
    """The page of CreateHost asked for a unique name once and no longer does (unknown at AWS)."""
    provider_and_host: Literal["agree", "refuse"] = "agree"
    """CreateConnection with ProviderType and HostArn: taken when they agree, or never (unknown)."""
    link_needs_available: bool = True
    """Whether a repository link needs a connection that is AVAILABLE (unproven at AWS)."""
    missing_sync_delete: Literal["ok", "not-found"] = "ok"
    """DeleteSyncConfiguration of a missing one; the model declares no ResourceNotFoundException."""
    foreign_region_writes: Literal["allow", "refuse"] = "allow"
    """Delete and tag of a connection outside its home Region (unknown at AWS)."""
    return_tls_certificate: bool = False
    """Whether GetHost and ListHosts give the TlsCertificate back; tools treat it as write-only."""
    modelled_statuses: bool = False
    """HTTP statuses of the codeconnections model (404, 409, 429, 503) instead of 400 for each.

    The API reference's pages print 400; botocore's model of codeconnections names the others.
    """
    tagging_api_covers: bool = True
    """Whether the Resource Groups Tagging API knows the resources of these services; else its
    answers hold none. No page at hand confirms that AWS's does."""
    calls_per_second: float = 0.0
    """How many calls are taken each second, and at once, in each account and Region; more are
    throttled. 0 takes all.

    AWS publishes no rate of CodeConnections. That it would hold for an account in a Region is
    assumed, as https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
    has it for another service. STS and IAM are not throttled.
    """
    requests_kept: int = 100_000
    """How many of the newest request records are kept, so that a long run's file stays small."""

    def __post_init__(self) -> None:
        """ValueError for a page that could hold nothing, and for less than no calls."""
        if self.calls_per_second < 0:
            raise ValueError(f"calls_per_second must be at least 0, not {self.calls_per_second}")
        if self.page_size < 1:
            raise ValueError(f"page_size must be at least 1, not {self.page_size}")
