"""docker's Python SDK (Debian's python3-docker), every method that it has for containers,
images, networks, volumes and execs: each assertion is about what the SDK's own objects say,
and at the end each method must have been called."""

import functools
import http.server
import io
import json
import os
import socket
import sys
import tarfile
import tempfile
import threading
import time

import docker
import websocket
from docker.errors import APIError, BuildError, ContainerError, ImageNotFound, NotFound
from docker.models import containers, images, networks, volumes

IMAGE, REGISTRY = sys.argv[1:]

# What is called is noted.
every, called = set(), set()


def noted(name, function):
    @functools.wraps(function)
    def note(*args, **kwargs):
        called.add(name)
        return function(*args, **kwargs)

    return note


for kind in (
    containers.Container, containers.ContainerCollection, images.Image, images.ImageCollection,
    images.RegistryData, networks.Network, networks.NetworkCollection, volumes.Volume,
    volumes.VolumeCollection, docker.api.container.ContainerApiMixin,
    docker.api.exec_api.ExecApiMixin, docker.api.image.ImageApiMixin,
    docker.api.network.NetworkApiMixin, docker.api.volume.VolumeApiMixin,
    docker.api.build.BuildApiMixin,
):
    for method, value in list(vars(kind).items()):
        name = f"{kind.__name__}.{method}"
        # Only computes, from what it is given.
        if method.startswith(("_", "create_host", "create_endpoint", "process_dockerfile", "model")):
            continue
        if isinstance(value, property):
            setattr(kind, method, property(noted(name, value.fget)))
        elif callable(value):
            setattr(kind, method, noted(name, value))
        else:
            continue
        every.add(name)

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

# What the objects' own ways don't reach.
four = client.containers.create(
    IMAGE, ["cat"], name="four", stdin_open=True, tty=True, network_mode="none"
)
assert four.status == "created" and four.short_id == four.id[:10] and four.name == "four"
assert client.containers.get("four") == four and four.labels == {}
four.start()
four.resize(30, 90)
sock = four.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
sock._sock.sendall(b"word\n")
assert b"word" in sock._sock.recv(100)
sock.close()
four.kill(signal="KILL")
assert four.wait(condition="not-running")["StatusCode"] == 137
four.remove()

# The same by a web socket, which gives the streams as they are.
five = run(IMAGE, ["cat"], detach=True, name="five", stdin_open=True, network_mode="none")
wire = socket.socket(socket.AF_UNIX)
wire.connect(os.environ["DOCKER_HOST"].removeprefix("unix://"))
web = websocket.create_connection(
    f"ws://docker/v1.41/containers/{five.id}/attach/ws?stream=1&stdin=1&stdout=1", socket=wire
)
web.send("by web\n")
assert web.recv() == b"by web\n"
web.ping("there?")
web.send_binary(b"and again\n")
assert web.recv() == b"and again\n"
five.kill()
assert web.recv() == ""
web.close()
five.remove()
again = refused(APIError, lambda: api._result(api._get(api._url("/containers/{0}/attach/ws", IMAGE)), True))
assert again.status_code == 404

# Streams of an exec.
six = run(IMAGE, ["sleep", "600"], detach=True, network_mode="none", user="0")
pieces = six.exec_run(["sh", "-c", "echo a; sleep 0.2; echo b"], stream=True).output
assert b"".join(pieces) == b"a\nb\n"
assert not six.exec_run(["true"], detach=True).output
assert b"/dev/pts" in six.exec_run("tty", tty=True).output
assert six.exec_run("id -u", user="1000").output == b"1000\n"
assert six.exec_run("true", privileged=True).exit_code == 0
assert six.exec_run("cat", stdin=True, socket=True).output is not None
assert api.port(six.id, 80) is None and six.ports == {}
assert api.containers(all=True, quiet=True)[0].keys() == {"Id"}
assert api.inspect_container(six.id)["Id"] == six.id
six.stop(timeout=0)
assert [c.id for c in client.containers.list(all=True, limit=1)] == [six.id]
assert client.containers.list(all=True, sparse=True)[0].id == six.id
refused(APIError, lambda: six.remove(link=True))
six.remove()
made = api.create_container_from_config({"Image": IMAGE, "Cmd": ["true"]}, name="seven")
api.remove_container(made["Id"])
made = api.create_container(
    IMAGE, "true", networking_config=api.create_networking_config({}), host_config=api.create_host_config(network_mode="none")
)
api.remove_container(made)

# Registries.
name = f"{REGISTRY}/team/app"
assert client.images.get(IMAGE).tag(name, tag="1")
assert any("digest" in line.get("status", "") for line in client.images.push(name, tag="1", stream=True, decode=True))
data = client.images.get_registry_data(f"{name}:1")
assert data.id.startswith("sha256:") and data.short_id and data.image_name
data.reload()
assert data.has_platform("linux/amd64") in (True, False)
client.images.remove(f"{name}:1")
pulled = client.images.pull(name, tag="1")
assert pulled.tags and pulled.id == client.images.get(f"{name}:1").id and pulled.short_id
assert data.pull().id == pulled.id
refused(NotFound, lambda: client.images.pull(name, tag="none"))
pulled.reload()
assert pulled.labels == {}
client.images.remove(f"{name}:1")
assert "SpaceReclaimed" in client.images.prune_builds()
assert client.images.list(all=True, filters={"reference": IMAGE})


class Hub(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        found = {"name": "team/app", "description": "d", "star_count": 3, "is_official": False}
        body = json.dumps({"results": [found] if "search" in self.path else []}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


hub = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=hub.serve_forever, daemon=True).start()
found = client.images.search(f"127.0.0.1:{hub.server_port}/app")
assert [(one["name"], one["star_count"]) for one in found] == [("team/app", 3)], found

# Imports.
buffer.seek(0)
with tempfile.NamedTemporaryFile() as file:
    file.write(buffer.getvalue())
    file.flush()
    assert "sha256:" in api.import_image(src=file.name, repository="flat", tag="1", changes=["CMD ls"])
    assert "sha256:" in api.import_image_from_file(file.name, repository="flat", tag="2")
assert client.images.get("flat:1").attrs["Config"]["Cmd"] == ["/bin/sh", "-c", "ls"]
assert "sha256:" in api.import_image_from_data(buffer.getvalue(), repository="flat", tag="3")
assert "sha256:" in api.import_image_from_stream(iter([buffer.getvalue()]), repository="flat", tag="5")
refused(APIError, lambda: api.import_image_from_url("http://127.0.0.1:1/x.tar", repository="flat"))
refused(APIError, lambda: api.import_image_from_image(IMAGE, repository="flat", tag="4"))
for number in "1235":
    client.images.remove(f"flat:{number}")

# Networks and volumes, looked at again.
net = client.networks.create("again", driver="bridge", internal=True, check_duplicate=True)
assert client.networks.get(net.id).name == "again" and net.attrs["Internal"]
net.remove()
volume = client.volumes.create("again", driver="local", driver_opts={"type": "tmpfs", "device": "tmpfs"})
volume.reload()
assert volume.name == volume.id == "again" and volume.attrs["Options"]["type"] == "tmpfs"
volume.remove(force=True)
refused(NotFound, lambda: client.volumes.get("again"))

missed = every - called
assert not missed, sorted(missed)
print("ok")
