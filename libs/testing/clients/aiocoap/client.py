"""A small LwM2M client on aiocoap that tests drive: commands come in as JSON lines, events go out as JSON lines.

Arguments: endpoint, server's CoAP port on 127.0.0.1, lifetime in seconds; for DTLS (tinydtls) also a PSK identity and the
key as hex. It has /3/0/0, /3/0/9, /3/0/15 (writable),
/3/0/4 (executable) and /3303/0/5700, as text and TLV, and the instances as TLV; all can be observed.

Commands: {"do":"register"}, {"do":"update","query":[..]}, {"do":"send","path":"/3303/0/5700"}, {"do":"set","path":..,
"value":..}, {"do":"deregister"}, {"do":"request","method":"POST","path":["rd"],"query":[..],"payloadHex":"..",
"contentFormat":40} for anything else, {"do":"quit"}. The end of stdin quits too.
"""

import asyncio
import json
import socket
import struct
import sys

import aiocoap
import aiocoap.resource

TEXT, LINK, SENML_JSON, TLV = 0, 40, 110, 11542


def emit(event, **content):
    print(json.dumps({"event": event, **content}), flush=True)


def encode_value(value):
    """OMA LwM2M Core 1.1 appendix C: TLV values."""
    if isinstance(value, float):
        return struct.pack(">d", value)
    if isinstance(value, int):
        width = next(w for w in (1, 2, 4, 8) if -(1 << (8 * w - 1)) <= value < 1 << (8 * w - 1))
        return value.to_bytes(width, "big", signed=True)
    return value.encode()


def encode_tlv(identifier, value):
    """A resource-with-value TLV (OMA LwM2M Core 1.1 section 7.4.4)."""
    body = encode_value(value)
    kind = 0b1100_0000 | (0b10_0000 if identifier > 255 else 0)
    name = identifier.to_bytes(2 if identifier > 255 else 1, "big")
    if len(body) < 8:
        return bytes([kind | len(body)]) + name + body
    return bytes([kind | 0b1000]) + name + bytes([len(body)]) + body


def as_text(value):
    return str(value).encode()


class Values:
    """The client's resources, by path."""

    def __init__(self):
        self.by_path = {
            (3, 0, 0): "aiocoap",
            (3, 0, 9): 100,
            (3, 0, 15): "Europe/Vienna",
            (3303, 0, 5700): 21.5,
        }

    def under(self, instance):
        return {path[2]: value for path, value in self.by_path.items() if path[:2] == instance}


class ResourceNode(aiocoap.resource.ObservableResource):
    """One resource: read, observed, written where it is /3/0/15."""

    def __init__(self, values, path):
        super().__init__()
        self.values, self.path = values, path

    async def render_get(self, request):
        value = self.values.by_path[self.path]
        accept = TEXT if request.opt.accept is None else int(request.opt.accept)
        if accept == TLV:
            return aiocoap.Message(payload=encode_tlv(self.path[2], value), content_format=TLV)
        if accept == TEXT:
            return aiocoap.Message(payload=as_text(value), content_format=TEXT)
        return aiocoap.Message(code=aiocoap.NOT_ACCEPTABLE)

    async def render_put(self, request):
        if self.path != (3, 0, 15):
            return aiocoap.Message(code=aiocoap.METHOD_NOT_ALLOWED)
        self.values.by_path[self.path] = request.payload.decode()
        emit("written", path="/3/0/15", value=request.payload.decode())
        self.updated_state()
        return aiocoap.Message(code=aiocoap.CHANGED)

    def update_observation_count(self, count):
        emit("observed" if count else "unobserved", path="/" + "/".join(map(str, self.path)), count=count)


class InstanceNode(aiocoap.resource.Resource):
    """An object instance, as TLV."""

    def __init__(self, values, instance):
        super().__init__()
        self.values, self.instance = values, instance

    async def render_get(self, request):
        if request.opt.accept is not None and int(request.opt.accept) != TLV:
            return aiocoap.Message(code=aiocoap.NOT_ACCEPTABLE)
        payload = b"".join(encode_tlv(i, v) for i, v in self.values.under(self.instance).items())
        return aiocoap.Message(payload=payload, content_format=TLV)


class Executable(aiocoap.resource.Resource):
    """/3/0/4."""

    async def render_post(self, request):
        emit("executed", path="/3/0/4", arguments=request.payload.decode())
        return aiocoap.Message(code=aiocoap.CHANGED)


def code_of(response):
    return f"{response.code.class_}.{response.code % 32:02d}"


class Client:
    def __init__(self, endpoint, server_port, lifetime, psk=None):
        self.endpoint, self.lifetime = endpoint, lifetime
        self.server = f"{'coaps' if psk else 'coap'}://127.0.0.1:{server_port}"
        self.psk = psk
        self.values = Values()
        self.location = ()
        self.nodes = {path: ResourceNode(self.values, path) for path in self.values.by_path}

    async def start(self):
        site = aiocoap.resource.Site()
        for path, node in self.nodes.items():
            site.add_resource(list(map(str, path)), node)
        for instance in {path[:2] for path in self.nodes}:
            site.add_resource(list(map(str, instance)), InstanceNode(self.values, instance))
        site.add_resource(["3", "0", "4"], Executable())
        if self.psk is None:
            # UDP alone: the TCP port of that number may be taken.
            self.context = await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", free_port()), transports=["udp6"])
            return
        self.context = await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", free_port()), transports=["tinydtls"])
        identity, key = self.psk
        credentials = {"dtls": {"psk": {"hex": key}, "client-identity": {"ascii": identity}}}
        self.context.client_credentials.load_from_dict({f"{self.server}/*": credentials})

    async def request(self, method, path, query=(), payload=b"", content_format=None):
        message = aiocoap.Message(code=getattr(aiocoap, method), payload=payload)
        message.set_request_uri(f"{self.server}/")
        message.opt.uri_path = tuple(path)
        message.opt.uri_query = tuple(query)
        if content_format is not None:
            message.opt.content_format = content_format
        return await self.context.request(message).response

    async def register(self, _):
        links = b'</>;rt="oma.lwm2m",</1/0>,</3/0>,</3303/0>'
        query = [f"ep={self.endpoint}", f"lt={self.lifetime}", "lwm2m=1.1", "b=U"]
        response = await self.request("POST", ["rd"], query, links, LINK)
        self.location = response.opt.location_path
        emit("registered", code=code_of(response), location="/" + "/".join(self.location))

    async def update(self, command):
        response = await self.request("POST", self.location, command.get("query", []))
        emit("updated", code=code_of(response))

    async def deregister(self, _):
        response = await self.request("DELETE", self.location)
        emit("deregistered", code=code_of(response))

    async def send(self, command):
        path = tuple(map(int, command["path"].strip("/").split("/")))
        value = self.values.by_path[path]
        pack = [{"n": command["path"], "vs" if isinstance(value, str) else "v": value}]
        response = await self.request("POST", ["dp"], (), json.dumps(pack).encode(), SENML_JSON)
        emit("sent", code=code_of(response))

    async def set(self, command):
        path = tuple(map(int, command["path"].strip("/").split("/")))
        self.values.by_path[path] = command["value"]
        self.nodes[path].updated_state()

    async def raw(self, command):
        payload = bytes.fromhex(command.get("payloadHex", ""))
        response = await self.request(
            command["method"], command["path"], command.get("query", []), payload, command.get("contentFormat")
        )
        location = "/" + "/".join(response.opt.location_path)
        emit("response", code=code_of(response), payloadHex=response.payload.hex(), location=location)


def alert_of(error):
    """tinydtls gives the number of a fatal alert as the error's argument; close_notify has a type of its own."""
    text = str(error.args[0]) if error.args else ""
    if "CloseNotify" in repr(error):
        return 0
    return int(text) if isinstance(error, aiocoap.error.NetworkError) and text.isdigit() else None


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def read_lines():
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


async def main():
    psk = tuple(sys.argv[4:6]) if len(sys.argv) > 5 else None
    client = Client(sys.argv[1], int(sys.argv[2]), sys.argv[3], psk)
    await client.start()
    actions = {
        "register": client.register, "update": client.update, "deregister": client.deregister,
        "send": client.send, "set": client.set, "request": client.raw,
    }
    emit("ready")
    async for command in read_lines():
        if command["do"] == "quit":
            break
        try:
            await actions[command["do"]](command)
        except Exception as error:  # told to the test, which waits for another event
            emit("error", message=repr(error), alert=alert_of(error))
    await client.context.shutdown()


asyncio.run(main())
