"""Over TLS: whose certificates are believed, and what is said where one is not."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import os
import shutil
import ssl
import subprocess
import sys
import textwrap

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fault_server import FaultServer, good
from xiantong_nb.errors import Unreachable
from xiantong_nb.failures import Place
from xiantong_nb.request import HttpCall
from xiantong_nb.transport import Transport

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


class Authority:
    """A company's own certificate authority."""

    def __init__(self, folder) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        made = self._signed(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None), NOW + DAY)
        self.path = folder / "authority.pem"
        self.path.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def context(self, address: str = "127.0.0.1", until: dt.datetime = NOW + DAY) -> ssl.SSLContext:
        """A server's side, with a certificate for one address."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate(address, until))
        return context

    def certificate(self, address: str = "127.0.0.1", until: dt.datetime = NOW + DAY):
        """A file with a certificate for one address, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
        named = address[-1].isalpha()
        known = x509.DNSName(address) if named else x509.IPAddress(ipaddress.ip_address(address))
        names = x509.SubjectAlternativeName([known])
        made = self._signed(name, key, names, until)
        path = self._folder / f"{address}-{until:%s}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + made.public_bytes(serialization.Encoding.PEM)
        )
        return path

    def _signed(self, name, key, extension, until):
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(self._name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(until - 3 * DAY).not_valid_after(until)
        builder = builder.add_extension(extension, critical=True)
        known = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        by = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(known, critical=False).add_extension(by, critical=False)
        return builder.sign(self._key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def serving():
    """Start servers that answer well over TLS."""
    servers = []

    def serve(context):
        servers.append(FaultServer(context))
        servers[-1].play(good("hello"))
        return servers[-1]

    yield serve
    for server in servers:
        server.close()


def fetched(url: str) -> bytes:
    async def work() -> bytes:
        transport = Transport()
        try:
            url_ = f"{url}/v1/messages"
            async with transport.send(HttpCall("POST", url_, {}, b"{}"), Place("gw", "m", url_)) as answer:
                return await answer.body(100_000)
        finally:
            await transport.aclose()

    return asyncio.run(work())


def refused(url: str) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        fetched(url)
    assert caught.value.kind == "tls"
    assert "SSL_CERT_FILE" in caught.value.hint
    return caught.value


def test_an_authority_that_is_named_is_believed(authority, serving, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    server = serving(authority.context())
    assert b"hello" in fetched(server.url)


def test_one_that_nobody_knows_is_not(authority, serving, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    server = serving(authority.context())
    assert "unable to get local issuer certificate" in refused(server.url).message
    assert server.seen == []


@pytest.mark.parametrize(
    ("certificate", "says"),
    [({"address": "127.0.0.9"}, "IP address mismatch"), ({"until": NOW - DAY}, "certificate has expired")],
)
def test_a_certificate_for_another_address_or_time_is_refused(authority, serving, monkeypatch, certificate, says):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    server = serving(authority.context(**certificate))
    assert says in refused(server.url).message
    assert server.seen == []


ASK = """
import os, shutil, subprocess, sys
folder, authority, url = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)  # in a mount namespace of its own
from tests.test_tls import fetched, refused
refused(url)
shutil.copy(authority, f"{folder}/authority.pem")
subprocess.run(["openssl", "rehash", folder], check=True)
assert b"hello" in fetched(url)
print("believed")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it puts an authority into Linux's store")
def test_an_authority_in_the_systems_store_is_believed(authority, serving):
    """The store is a folder of this machine; a process of its own sees another in its place."""
    if any(shutil.which(name) is None for name in ("unshare", "mount", "openssl")):
        pytest.skip("needs unshare, mount and openssl")
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this user may not make a mount namespace")
    server = serving(authority.context())
    folder = ssl.get_default_verify_paths().openssl_capath
    env = {name: value for name, value in os.environ.items() if not name.startswith("SSL_")}
    command = ["unshare", "-m", sys.executable, "-c", textwrap.dedent(ASK), folder, str(authority.path), server.url]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "believed\n", done.stdout + done.stderr
