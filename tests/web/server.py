"""A web server on loopback that says, byte for byte, what a test tells it to, and keeps what it was asked."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from agent_lsp.web.address import Address, Resolve

LOOPBACK = ipaddress.ip_address("127.0.0.1")


@dataclass
class Server:
    """`says` are whole answers by path; `asked` are the requests, heads as they came."""

    port: int
    says: dict[str, bytes]
    asked: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    sent: int = 0

    @property
    def paths(self) -> list[str]:
        return [head.split()[1] for head in self.asked]

    def url(self, path: str = "/", host: str = "site.test", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@asynccontextmanager
async def serving(
    says: Mapping[str, bytes], tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Server]:
    server, serves = Server(0, dict(says)), set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        serves.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(
                (int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0
            )
            server.asked.append(head)
            server.bodies.append(await reader.readexactly(length))
            said = server.says.get(head.split()[1].partition("?")[0], answer(b"no such page", status="404 Not Found"))
            for start in range(0, len(said), 1 << 16):
                writer.write(said[start : start + (1 << 16)])
                await writer.drain()
                server.sent += 1 << 16
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has heard enough
        finally:
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    listening = await asyncio.start_server(serve, host, 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await asyncio.gather(*serves)


def answer(body: bytes, kind: str = "text/plain", *, status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(b"", status=status, Location=location)


def names(**hosts: str) -> Resolve:
    """A resolver that knows these hosts: `site="127.0.0.1"` is `site.test`."""

    async def resolve(host: str, _: int) -> tuple[Address, ...]:
        if host.removesuffix(".test") not in hosts:
            raise OSError("unknown")
        return tuple(ipaddress.ip_address(one) for one in hosts[host.removesuffix(".test")].split())

    return resolve


def only(*public: Address) -> Callable[[Address], str]:
    """Takes these addresses for public ones, and no others."""
    return lambda address: "" if address in public else "it is not a public address"


def certificate(folder: Path, *hosts: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for hosts, and a client's that trusts just that one."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    made = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=a")
    alternatives = ",".join(f"DNS:{host}" for host in hosts)
    files = ("-keyout", str(key), "-out", str(cert), "-addext", f"subjectAltName={alternatives}")
    subprocess.run(["openssl", *made, *files], check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    return server, ssl.create_default_context(cafile=str(cert))
