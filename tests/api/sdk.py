"""docker's Python SDK (Debian's python3-docker) over containers, images, networks and
volumes: each assertion is about what the SDK's own objects say."""

import io
import sys
import tarfile
import time

import docker
from docker.errors import APIError, BuildError, ContainerError, ImageNotFound, NotFound

IMAGE = sys.argv[1]
client = docker.from_env()


def refused(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


assert client.ping()
assert client.version()["MinAPIVersion"] == "1.24"
assert client.info()["OSType"] == "linux"

# Run.
run = client.containers.run
assert run(IMAGE, ["echo", "hi"], remove=True, network_mode="none") == b"hi\n"
error = refused(
    ContainerError,
    lambda: run(IMAGE, ["sh", "-c", "echo bad >&2; exit 3"], remove=True, network_mode="none"),
)
assert (error.exit_status, error.stderr) == (3, b"bad\n"), error
refused(NotFound, lambda: client.containers.get("nope"))
refused(ImageNotFound, lambda: client.images.get("nope:1"))

one = run(
    IMAGE,
    ["sh", "-c", "while sleep 0.1; do echo out; echo err >&2; done"],
    detach=True,
    name="one",
    labels={"a": "b"},
    environment={"X": "1"},
    mem_limit="64m",
    cpu_shares=512,
    network_mode="none",
    volumes={"data": {"bind": "/data", "mode": "rw"}},
    tmpfs={"/t": "size=1m"},
    hostname="h1",
    working_dir="/tmp",
    restart_policy={"Name": "on-failure", "MaximumRetryCount": 2},
    ulimits=[docker.types.Ulimit(name="nofile", soft=100, hard=200)],
)
one.reload()
assert one.status == "running" and one.labels == {"a": "b"}
assert one.attrs["HostConfig"]["Memory"] == 64 << 20
assert "X=1" in one.attrs["Config"]["Env"]
assert IMAGE in one.image.tags

# Exec.
assert one.exec_run("hostname") == (0, b"h1\n")
code, (out, err) = one.exec_run(["sh", "-c", "echo o; echo e >&2; exit 4"], demux=True)
assert (code, out, err) == (4, b"o\n", b"e\n")
assert one.exec_run("sh -c 'echo $Q; pwd'", workdir="/bin", environment={"Q": "1"}).output == b"1\n/bin\n"
api = client.api
made = api.exec_create(one.id, "cat", stdin=True, tty=True)["Id"]
assert api.exec_inspect(made)["Running"] is False
sock = api.exec_start(made, socket=True, tty=True)
sock._sock.sendall(b"typed\n")
assert b"typed" in sock._sock.recv(100)
api.exec_resize(made, 20, 80)
assert api.exec_inspect(made)["Running"] is True
sock._sock.sendall(b"\x04")
deadline = time.time() + 30
while api.exec_inspect(made)["Running"] and time.time() < deadline:
    time.sleep(0.05)
assert api.exec_inspect(made)["ExitCode"] == 0
refused(APIError, lambda: api.exec_start(made))

# Look.
assert one.top()["Titles"][0] == "UID" and one.top(ps_args="aux")["Processes"]
assert one.stats(stream=False)["memory_stats"]["limit"] == 64 << 20
assert next(one.stats(decode=True))["name"] == "/one"
deadline = time.time() + 30
while len(one.logs().splitlines()) < 4 and time.time() < deadline:
    time.sleep(0.05)
assert one.logs(tail=2, stderr=False) == b"out\nout\n"
assert next(one.logs(stream=True, follow=True)) in (b"out\n", b"err\n")
assert next(one.attach(stream=True, logs=False)) in (b"out\n", b"err\n")
one.attach_socket(params={"stdout": 1, "stream": 1}).close()

# Files.
buffer = io.BytesIO()
with tarfile.open(fileobj=buffer, mode="w") as archive:
    entry = tarfile.TarInfo("f.txt")
    entry.size = 3
    archive.addfile(entry, io.BytesIO(b"abc"))
assert one.put_archive("/tmp", buffer.getvalue())
bits, stat = one.get_archive("/tmp/f.txt")
assert stat["name"] == "f.txt" and stat["size"] == 3
assert tarfile.open(fileobj=io.BytesIO(b"".join(bits))).extractfile("f.txt").read() == b"abc"
assert {"Path": "/tmp/f.txt", "Kind": 1} in one.diff()
assert b"f.txt" in b"".join(one.export())

# Change.
one.pause()
one.reload()
assert one.status == "paused"
one.unpause()
assert one.update(mem_limit="80m", memswap_limit="160m") == {"Warnings": []}
one.rename("two")
image = one.commit("made", "v1", message="m", author="me", changes='CMD ["true"]')
assert image.tags == ["made:v1"] and image.attrs["Config"]["Cmd"] == ["true"]
assert image.history()[0]["Comment"] == "m"
one.restart(timeout=0)
one.kill()
assert one.wait() == {"StatusCode": 137} or one.wait()["StatusCode"] == 137
one.start()
one.stop(timeout=0)
one.reload()
assert one.status == "exited"
assert [c.name for c in client.containers.list(all=True, filters={"status": "exited"})] == ["two"]
one.remove(v=True)
assert client.containers.prune()["SpaceReclaimed"] == 0

# Images.
assert client.images.get(IMAGE).tag("other", "x")
data = b"".join(client.images.get(IMAGE).save(named=True))
assert client.images.load(data)
client.images.remove("other:x")
client.images.remove("made:v1")
built, log = client.images.build(
    fileobj=io.BytesIO(f'FROM {IMAGE}\nRUN echo hi > /x\nLABEL q=1\nCMD ["cat","/x"]\n'.encode()),
    tag="built:1",
    network_mode="none",
)
assert built.labels["q"] == "1"
assert any("Step " in line.get("stream", "") for line in log)
assert run("built:1", remove=True, network_mode="none") == b"hi\n"
client.images.remove("built:1")
refused(BuildError, lambda: client.images.build(fileobj=io.BytesIO(f"FROM {IMAGE}\nRUN exit 3\n".encode()), network_mode="none"))
client.images.prune()
assert client.images.list(name=IMAGE)

# Networks.
pool = docker.types.IPAMPool(subnet="10.78.0.0/24", gateway="10.78.0.1")
net = client.networks.create("net", ipam=docker.types.IPAMConfig(pool_configs=[pool]), labels={"z": "1"})
three = run(IMAGE, ["sleep", "600"], detach=True, network="net")
net.reload()
assert net.containers == [three]
net.disconnect(three)
net.connect(three, aliases=["al"])
three.reload()
assert "al" in three.attrs["NetworkSettings"]["Networks"]["net"]["Aliases"]
refused(APIError, net.remove)
three.remove(force=True)
net.remove()
assert client.networks.list(names=["bridge"])
client.networks.prune()

# Volumes.
volume = client.volumes.create("v9", labels={"q": "w"})
assert client.volumes.get("v9").attrs["Labels"] == {"q": "w"}
assert "v9" in [v.name for v in client.volumes.list()]
volume.remove()
client.volumes.prune()

# The whole.
assert set(client.df()) >= {"Images", "Containers", "Volumes", "LayersSize"}
now = int(time.time())
actions = [e["Action"] for e in client.events(since=now - 3600, until=now + 1, decode=True)]
assert {"create", "start", "die", "destroy"} <= set(actions), actions
refused(APIError, client.swarm.leave)
print("ok")
