"""What a browser fetches for a page the first time, as sent (gzip), and again later."""

import re

from measure import table
from vireo import Client, Vireo, clean, fresh_dir

GZIP = {"Accept-Encoding": "gzip"}


def links(text, base):
    """Style sheets, scripts, images and what scripts import; fonts are counted where a style sheet names one that pages use."""
    found = re.findall(r'(?:href|src)="(/static/[^"]+)"', text) if base is None else []
    if base and base.endswith((".js", ".mjs")):
        for name in re.findall(r"""(?:from\s*|import\s*\(?\s*)['"](\.{1,2}/[^'"]+|/static/[^'"]+)['"]""", text):
            found.append(resolve(base, name))
    if base and base.endswith(".css"):
        found += [resolve(base, name) for name in re.findall(r"""url\(["']?([^"')]*RedHat(?:Text|Display)VF\.woff2)""", text)]
    return found


def resolve(base, name):
    if name.startswith("/"):
        return name
    parts = base.rsplit("/", 1)[0].split("/")
    for part in name.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def weigh(client, path):
    """(bytes of the page, bytes of its assets, requests)"""
    status, _, page = client.request("GET", path, None, GZIP)
    assert status == 200, f"{path} answered {status}"
    assets, todo = {}, links(client.get(path)[2].decode(), None)
    while todo:
        name = todo.pop()
        if name in assets:
            continue
        status, headers, body = client.request("GET", name, None, GZIP)
        assert status == 200, f"{name}, which {path} wants, answered {status}"
        assets[name] = len(body)
        if headers["Content-Type"].split(";")[0] in ("text/css", "text/javascript", "application/javascript"):
            todo += links(client.get(name)[2].decode(), name)
    return len(page), assets


def run(binary):
    data = fresh_dir()
    server = Vireo(binary, data, ["engine"])
    try:
        portal = server.portal()
        rows, heaviest = [], {}
        for name, client, path in (
            ("sign-in", Client(server.port), "/sign-in"),
            ("Admin Portal, VMs", portal, "/admin/vms"),
            ("User Portal", portal, "/user"),
        ):
            page, assets = weigh(client, path)
            heaviest.update(assets)
            rows.append([name, f"{page / 1024:.1f}", f"{(page + sum(assets.values())) / 1024:.1f}", str(1 + len(assets))])
    finally:
        server.stop()
        clean(data)
    print("## Page weight\n")
    table(["page", "KiB again (assets are kept for ever)", "KiB the first time", "requests the first time"], rows)
    table(
        ["asset", "KiB as sent"],
        [[re.sub(r"^/static/[^/]+/", "", n), f"{s / 1024:.1f}"] for n, s in sorted(heaviest.items(), key=lambda a: -a[1])[:8]],
    )
