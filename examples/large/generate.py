"""Prints a desired-state file with 300 objects: `python generate.py > codeconnections.yaml`."""

HEADER = """\
# Made by generate.py.
version: 1
owner: platform
"""
HOST = """\
  - name: ghes-{n:02}
    provider_type: GitHubEnterpriseServer
    provider_endpoint: https://git-{n:02}.example.com
"""
CLOUD = """\
  - name: github-{n:02}
    provider_type: GitHub
    tags: {{team: team-{team}}}
"""
HOSTED = """\
  - name: ghes-{n:02}
    host: ghes-{n:02}
"""
LINK = """\
  - owner_id: acme
    repository_name: service-{n:03}
    connection: github-{connection:02}
"""
SYNC = """\
  - resource_name: service-{n:03}
    repository: acme/service-{n:03}
    branch: main
    config_file: deploy/service-{n:03}.yaml
    role_arn: arn:aws:iam::111122223333:role/git-sync
"""


def text() -> str:
    """The file: 10 hosts, 90 connections, 100 repository links and 100 sync configurations."""
    sections = {
        "hosts": [HOST.format(n=n) for n in range(10)],
        "connections": [
            *(HOSTED.format(n=n) for n in range(10)),
            *(CLOUD.format(n=n, team=n % 7) for n in range(80)),
        ],
        "repository_links": [LINK.format(n=n, connection=n % 80) for n in range(100)],
        "sync_configurations": [SYNC.format(n=n) for n in range(100)],
    }
    return HEADER + "".join(f"\n{name}:\n{''.join(items)}" for name, items in sections.items())


if __name__ == "__main__":
    print(text(), end="")
