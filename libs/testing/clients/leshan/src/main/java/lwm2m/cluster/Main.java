package lwm2m.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.californium.core.config.CoapConfig;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.leshan.client.LeshanClient;
import org.eclipse.leshan.client.LeshanClientBuilder;
import org.eclipse.leshan.client.engine.DefaultRegistrationEngineFactory;
import org.eclipse.leshan.client.object.Security;
import org.eclipse.leshan.client.object.Server;
import org.eclipse.leshan.client.observer.LwM2mClientObserverAdapter;
import org.eclipse.leshan.client.resource.LwM2mObjectEnabler;
import org.eclipse.leshan.client.resource.ObjectsInitializer;
import org.eclipse.leshan.client.servers.LwM2mServer;
import org.eclipse.leshan.core.LwM2mId;
import org.eclipse.leshan.core.ResponseCode;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.core.model.StaticModel;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.request.BootstrapRequest;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.request.DeregisterRequest;
import org.eclipse.leshan.core.request.RegisterRequest;
import org.eclipse.leshan.core.request.UpdateRequest;
import org.eclipse.leshan.transport.californium.client.endpoint.CaliforniumClientEndpointsProvider;
import org.eclipse.leshan.transport.californium.client.endpoint.coap.CoapClientProtocolProvider;

/**
 * A Leshan client that tests drive: commands come in as JSON lines on stdin, events go out as JSON lines on stdout.
 * Argument: {"endpoint":.., "uri":.., "lifetimeS":300, "queueMode":false, "registry":directory}: with a directory of the OMA
 * registry's object definitions it has more objects than 1, 3, 5, 6 and 3303. For DTLS also {"security":{"mode":"psk",
 * "identity":.., "keyHex":..}}, with "rpk" and "x509" their PEM files, and "suite", "cidLength", "mtu", and
 * "resumeOnUpdate":true, which has it resume its session before each Update. With "bootstrap":true it has nothing but an
 * account at its bootstrap server: "uri" and "security" are those of this account. With "fallback":{"uri":..,"security":..}
 * it has that account at a bootstrap server beside the one at its server.
 *
 * <p>Commands: {"do":"start"}, {"do":"update"}, {"do":"send","paths":[..],"format":112}, {"do":"set","path":"/3303/0/5700",
 * "value":20.5}, {"do":"stop"} (de-registers), {"do":"restart"}, {"do":"resume"} (the next message resumes the DTLS session),
 * {"do":"forget"} (the next message needs a full handshake), {"do":"firmware","becomes":"2.0",..} (see {@link FirmwareInstance}; it
 * runs version 1.0 then), {"do":"quit"}. The end of stdin quits too.
 */
public final class Main {
    private static final long REQUEST_TIMEOUT_MS = 30_000;

    private final LeshanClient client;
    private final ReportingCoaps coaps = new ReportingCoaps();
    private final List<TestInstance> instances = new ArrayList<>();
    private final FirmwareInstance firmware = new FirmwareInstance(this::runAnew);

    private Main(JsonNode settings) throws Exception {
        Path registry = settings.has("registry") ? Path.of(settings.get("registry").asText()) : null;
        ObjectsInitializer initializer =
                new ObjectsInitializer(new StaticModel(registry == null ? Objects.models() : Objects.models(registry)));
        if (settings.path("bootstrap").asBoolean()) {
            initializer.setInstancesForObject(LwM2mId.SECURITY,
                    SecurityObject.ofBootstrap(settings.get("uri").asText(), settings.path("security")));
            initializer.setClassForObject(LwM2mId.SERVER, Server.class);
        } else {
            Security server = SecurityObject.of(settings.get("uri").asText(), 123, settings.path("security"));
            JsonNode fallback = settings.path("fallback");
            initializer.setInstancesForObject(LwM2mId.SECURITY, fallback.isMissingNode() ? new Security[] {server}
                    : new Security[] {SecurityObject.ofBootstrap(fallback.get("uri").asText(), fallback.path("security")), server});
            initializer.setInstancesForObject(LwM2mId.SERVER, new Server(123, settings.path("lifetimeS").asLong(300)));
        }
        for (int object : Objects.SIMPLE) addObject(initializer, object);
        if (settings.path("firmware").asBoolean()) initializer.setInstancesForObject(LwM2mId.FIRMWARE, firmware);
        for (int object : registry == null ? new int[0] : Objects.FURTHER) addObject(initializer, object);
        List<LwM2mObjectEnabler> enablers = initializer.createAll();

        client = new LeshanClientBuilder(settings.get("endpoint").asText())
                .setObjects(enablers)
                .setRegistrationEngineFactory(new DefaultRegistrationEngineFactory()
                        .setQueueMode(settings.path("queueMode").asBoolean())
                        .setReconnectOnUpdate(settings.path("resumeOnUpdate").asBoolean()))
                .setEndpointsProviders(endpoints(settings))
                .build();
        client.addObserver(new Reporter());
    }

    public static void main(String[] args) throws Exception {
        Main main = new Main(Lines.parse(args[0]));
        Lines.emit("ready", Lines.node());
        Lines.readCommands(main::obey);
        main.client.destroy(false);
        System.exit(0);
    }

    private CaliforniumClientEndpointsProvider endpoints(JsonNode settings) {
        boolean bootstraps = settings.path("bootstrap").asBoolean() || settings.has("fallback");
        CaliforniumClientEndpointsProvider.Builder builder = bootstraps
                ? new CaliforniumClientEndpointsProvider.Builder(new CoapClientProtocolProvider(), coaps)
                : settings.has("security")
                        ? new CaliforniumClientEndpointsProvider.Builder(coaps)
                        : new CaliforniumClientEndpointsProvider.Builder(new CoapClientProtocolProvider());
        Configuration configuration = builder.createDefaultConfiguration();
        configuration.set(CoapConfig.MAX_RESOURCE_BODY_SIZE, FirmwareInstance.LARGEST_PACKAGE);
        if (bootstraps || settings.has("security")) DtlsSettings.apply(configuration, settings);
        builder.setConfiguration(configuration);
        return builder.setClientAddress(InetAddress.getLoopbackAddress()).build();
    }

    private void addObject(ObjectsInitializer initializer, int object) {
        if (Objects.startsWithInstance(object)) {
            TestInstance instance = new TestInstance(object, Objects.valuesOf(object));
            instances.add(instance);
            initializer.setInstancesForObject(object, instance);
        }
        initializer.setFactoryForObject(object, (model, id, taken) -> create(model, id == null ? taken.size() : id));
    }

    private TestInstance create(ObjectModel model, int id) {
        TestInstance instance = new TestInstance(model.id, Objects.valuesOf(model.id), id);
        instance.setModel(model);
        instances.add(instance);
        return instance;
    }

    private void obey(JsonNode command) throws InterruptedException {
        switch (command.path("do").asText()) {
            case "start" -> client.start();
            case "stop" -> client.stop(true);
            case "restart" -> restart();
            case "update" -> client.triggerRegistrationUpdate();
            case "resume" -> coaps.resumeSessions();
            case "forget" -> coaps.forgetSessions();
            case "send" -> send(command);
            case "firmware" -> {
                run("1.0");
                firmware.behave(command);
                Lines.emit("firmware", Lines.node());
            }
            case "set" -> set(new LwM2mPath(command.path("path").asText()), command.path("value"));
            default -> Lines.emit("error", Lines.node().put("message", "unknown command " + command));
        }
    }

    private void run(String version) {
        set(new LwM2mPath(3, 0, 3), TextNode.valueOf(version));
    }

    private void runAnew(String version) {
        run(version);
        restart();
    }

    /** Comes back as after a reboot: without a De-register before. */
    private void restart() {
        client.stop(false);
        client.start();
    }

    private void send(JsonNode command) {
        List<String> paths = new ArrayList<>();
        command.path("paths").forEach(path -> paths.add(path.asText()));
        ContentFormat format = ContentFormat.fromCode(command.path("format").asInt(112));
        for (LwM2mServer server : client.getRegisteredServers().values()) {
            client.getSendService().sendData(server, format, paths, REQUEST_TIMEOUT_MS,
                    response -> Lines.emit("sent", Lines.node().put("code", codeOf(response.getCode()))),
                    error -> Lines.emit("error", Lines.node().put("message", "send: " + error)));
        }
    }

    private void set(LwM2mPath path, JsonNode value) {
        instances.stream().filter(instance -> instance.object == path.getObjectId() && instance.getId().equals(path.getObjectInstanceId()))
                .forEach(instance -> instance.set(path.getResourceId(), value));
    }

    /** 404 becomes 4.04. */
    private static String codeOf(ResponseCode code) {
        return "%d.%02d".formatted(code.getCode() / 100, code.getCode() % 100);
    }

    /** Tells what becomes of the registration, and of the bootstrap before it. */
    private static final class Reporter extends LwM2mClientObserverAdapter {
        @Override
        public void onBootstrapSuccess(LwM2mServer server, BootstrapRequest request) {
            Lines.emit("bootstrapped", Lines.node());
        }

        @Override
        public void onBootstrapFailure(LwM2mServer s, BootstrapRequest r, ResponseCode code, String message, Exception e) {
            Lines.emit("bootstrap-refused", Lines.node().put("code", code == null ? String.valueOf(e) : codeOf(code)));
        }

        @Override
        public void onBootstrapTimeout(LwM2mServer server, BootstrapRequest request) {
            Lines.emit("timeout", Lines.node().put("request", "bootstrap"));
        }

        @Override
        public void onRegistrationSuccess(LwM2mServer server, RegisterRequest request, String location) {
            Lines.emit("registered", Lines.node().put("location", location));
        }

        @Override
        public void onRegistrationFailure(LwM2mServer s, RegisterRequest r, ResponseCode code, String message, Exception e) {
            Lines.emit("refused", Lines.node().put("code", code == null ? String.valueOf(e) : codeOf(code)));
        }

        @Override
        public void onRegistrationTimeout(LwM2mServer server, RegisterRequest request) {
            Lines.emit("timeout", Lines.node().put("request", "register"));
        }

        @Override
        public void onUpdateSuccess(LwM2mServer server, UpdateRequest request) {
            Lines.emit("updated", Lines.node());
        }

        @Override
        public void onUpdateFailure(LwM2mServer s, UpdateRequest r, ResponseCode code, String message, Exception e) {
            Lines.emit("update-refused", Lines.node().put("code", code == null ? String.valueOf(e) : codeOf(code)));
        }

        @Override
        public void onUpdateTimeout(LwM2mServer server, UpdateRequest request) {
            Lines.emit("timeout", Lines.node().put("request", "update"));
        }

        @Override
        public void onDeregistrationSuccess(LwM2mServer server, DeregisterRequest request) {
            Lines.emit("deregistered", Lines.node());
        }

        @Override
        public void onUnexpectedError(Throwable error) {
            Lines.emit("error", Lines.node().put("message", String.valueOf(error)));
        }
    }
}
