"""One process per read: `strongroom get` beside `bao kv get` on one server, in interleaved rounds.

    python3 integration-tests/scripts/one_shot.py [ROUNDS [BAO]]

Builds the release command, starts a dev server with that binary (or `bao` on PATH, or the newest below target/openbao), and
prints the median wall time, CPU time and peak resident memory of each contender as a Markdown table.
"""

import glob
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOKEN = "root"


def bao():
    if len(sys.argv) > 2:
        return sys.argv[2]
    found = shutil.which("bao") or next(iter(sorted(glob.glob(f"{ROOT}/target/openbao/**/bao", recursive=True))), None)
    if not found:
        sys.exit("no server binary: run `cargo quickstart` once, or put `bao` on PATH")
    return found


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def request(address, method, path, body=None):
    call = urllib.request.Request(address + path, method=method, data=body, headers={"X-Vault-Token": TOKEN})
    return urllib.request.urlopen(call, timeout=5).read()


# A child begins with the resident size of its parent, so a Python parent would hide a small command's own peak. Perl is
# small; `wait4` is system call 61 on x86-64 and 260 on arm64.
WAIT4 = {"x86_64": 61, "aarch64": 260}[platform.machine()]
LAUNCHER = """
my $child = fork();
if (!$child) { exec @ARGV }
my ($status, $usage) = (pack("i", 0), "\\0" x 144);
syscall(%d, $child, $status, 0, $usage);
printf STDERR "\\n%%d %%d %%d %%d %%d", unpack("q5", $usage);
exit(unpack("i", $status) >> 8);
""" % WAIT4


def measure(command, env):
    """Wall seconds, CPU seconds and peak resident kibibytes of one process."""
    start = time.perf_counter()
    done = subprocess.run(["perl", "-e", LAUNCHER, *command], env=env, capture_output=True)
    wall = time.perf_counter() - start
    if done.returncode != 0 or done.stdout.strip() != b"ACME Inc.":
        sys.exit(f"{command[0]} failed: {done}")
    user, user_micros, system, system_micros, peak = map(int, done.stderr.split(b"\n")[-1].split())
    return wall, user + system + (user_micros + system_micros) / 1e6, peak


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "strongroom-cli"], cwd=ROOT, check=True)
    target = os.environ.get("CARGO_TARGET_DIR", f"{ROOT}/target")
    address = f"http://127.0.0.1:{free_port()}"
    server = subprocess.Popen(
        [bao(), "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={TOKEN}", f"-dev-listen-address={address[7:]}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            try:
                request(address, "POST", "/v1/secret/data/customer/acme", b'{"data":{"name":"ACME Inc."}}')
                break
            except OSError:
                time.sleep(0.05)
        with tempfile.TemporaryDirectory() as directory:
            config = os.path.join(directory, "kong.yaml")
            with open(config, "w") as file:
                file.write(
                    "vaults:\n- name: hcv\n  prefix: hashicorp-vault\n"
                    f"  config: {{ address: '{address}', token: {TOKEN}, kv: v2 }}\n"
                )
            contenders = {
                "strongroom get": [f"{target}/release/strongroom", "--config", config, "get",
                                   "{vault://hashicorp-vault/customer/acme/name}"],
                "bao kv get": [bao(), "kv", "get", "-field=name", "secret/customer/acme"],
            }
            env = {"VAULT_ADDR": address, "VAULT_TOKEN": TOKEN, "BAO_ADDR": address, "BAO_TOKEN": TOKEN,
                   "HOME": directory, "PATH": os.environ["PATH"]}
            samples = {name: [] for name in contenders}
            for _ in range(rounds + 1):
                for name, command in contenders.items():
                    samples[name].append(measure(command, env))
    finally:
        server.kill()
        server.wait()
    print(f"| medians of {rounds} interleaved rounds | wall, ms | CPU, ms | peak memory, MiB |\n|---|---:|---:|---:|")
    medians = {}
    for name, runs in samples.items():
        # The first round warms the page cache for both.
        wall, cpu, rss = (statistics.median(column) for column in zip(*runs[1:]))
        medians[name] = (wall * 1000, cpu * 1000, rss / 1024)
        print(f"| `{name}` | {wall * 1000:.1f} | {cpu * 1000:.1f} | {rss / 1024:.1f} |")
    ours, theirs = medians.values()
    print("| ratio | " + " | ".join(f"{a / b:.3f}" for a, b in zip(ours, theirs)) + " |")


main()
