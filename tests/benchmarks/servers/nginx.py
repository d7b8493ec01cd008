"""nginx as Debian ships it: one worker, static files, PUT by its WebDAV module, Basic logins."""

import os
from pathlib import Path

from tests.benchmarks.servers.base import ANY, HOST, Address, Counted, wait_for_banner
from tests.benchmarks.servers.debian import environment, unpacked
from tests.benchmarks.servers.namespace import FEWEST_ROUNDS, sha512_crypt
from tests.interop.ports import free_port

BODIES = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")  # each has a folder for temporaries
CONFIG = """\
daemon off;
{user}
worker_processes 1;
worker_rlimit_nofile 16384;
pid {workdir}/nginx.pid;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    default_type application/octet-stream;
    keepalive_timeout 600s;
    keepalive_requests 10000000;
    client_max_body_size 0;
    {temporaries}
    server {{
        listen {host}:{port} backlog=4096;
        listen {host}:{secure} ssl backlog=4096;
        ssl_certificate {certificate};
        ssl_certificate_key {certificate};
        ssl_protocols TLSv1.3;
        autoindex_format json;
        location /home/ {{ alias {home}/; autoindex on; dav_methods PUT; }}
        location /locked/ {{
            alias {home}/;
            auth_basic bench;
            auth_basic_user_file {workdir}/passwords;
        }}
    }}
}}
"""


class Nginx(Counted):
    """What needs no password is under home/; under locked/ each request's password is checked.

    Bodies go to a temporary file beside the target, which a rename makes the target. Passwords are
    SHA-512-crypt: of crypt(3)'s usual cost for the account, of its least cost for its double.
    """

    name = "nginx"
    title = "nginx"

    def start(self, workdir: Path) -> Address:
        root = unpacked("nginx")
        self.home = workdir / "home"
        self.home.mkdir(parents=True)
        self.tools.space.offer(self.home)
        made = Address(free_port(), self.tools.credentials.user, secure=free_port())
        self._configure(workdir, made)
        command = [str(root / "usr/sbin/nginx"), "-e", "stderr", "-p", str(workdir)]
        child = self.launch([*command, "-c", "nginx.conf"], env=environment(root))
        wait_for_banner(child, made.secure, ANY)
        return made._replace(base="home/", locked="locked/")

    def cheapest_hash(self) -> None:
        sha512_crypt(self.tools.credentials.password, FEWEST_ROUNDS)

    def _configure(self, workdir: Path, address: Address) -> None:
        user, cheap, password, *_ = self.tools.credentials
        hashes = {user: sha512_crypt(password), cheap: sha512_crypt(password, FEWEST_ROUNDS)}
        lines = [f"{name}:{digest}\n" for name, digest in hashes.items()]
        (workdir / "passwords").write_text("".join(lines))
        temporaries = [f"{name}_temp_path {workdir}/{name};" for name in BODIES]
        text = CONFIG.format(
            user="user root;" if os.geteuid() == 0 else "",  # else it becomes another, blind here
            workdir=workdir,
            temporaries=" ".join(temporaries),
            host=HOST,
            port=address.port,
            secure=address.secure,
            certificate=self.tools.credentials.certificate,
            home=self.home,
        )
        (workdir / "nginx.conf").write_text(text)
