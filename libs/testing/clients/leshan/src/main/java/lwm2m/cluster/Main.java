package lwm2m.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.request.DeregisterRequest;
import org.eclipse.leshan.core.request.RegisterRequest;
import org.eclipse.leshan.core.request.UpdateRequest;
import org.eclipse.leshan.transport.californium.client.endpoint.CaliforniumClientEndpointsProvider;
import org.eclipse.leshan.transport.californium.client.endpoint.coap.CoapClientProtocolProvider;

/**
 * A Leshan client that tests drive: commands come in as JSON lines on stdin, events go out as JSON lines on stdout.
 * Arguments: endpoint, server URI, lifetime in seconds, "queue" or "always"; a directory with the OMA registry's object
 * definitions, where the client is to have more objects than 1, 3, 5, 6 and 3303.
 *
 * <p>Commands: {"do":"start"}, {"do":"update"}, {"do":"send","paths":[..],"format":112}, {"do":"set","path":"/3303/0/5700",
 * "value":20.5}, {"do":"stop"} (de-registers), {"do":"restart"}, {"do":"quit"}. The end of stdin quits too.
 */
public final class Main {
    private static final long REQUEST_TIMEOUT_MS = 30_000;
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final PrintStream OUT = System.out;

    private final LeshanClient client;
    private final List<TestInstance> instances = new ArrayList<>();

    private Main(String endpoint, String uri, long lifetime, boolean queueMode, Path registry) throws Exception {
        ObjectsInitializer initializer =
                new ObjectsInitializer(new StaticModel(registry == null ? Objects.models() : Objects.models(registry)));
        initializer.setInstancesForObject(LwM2mId.SECURITY, Security.noSec(uri, 123));
        initializer.setInstancesForObject(LwM2mId.SERVER, new Server(123, lifetime));
        for (int object : Objects.SIMPLE) addObject(initializer, object);
        for (int object : registry == null ? new int[0] : Objects.FURTHER) addObject(initializer, object);
        List<LwM2mObjectEnabler> enablers = initializer.createAll();

        client = new LeshanClientBuilder(endpoint)
                .setObjects(enablers)
                .setRegistrationEngineFactory(new DefaultRegistrationEngineFactory().setQueueMode(queueMode))
                .setEndpointsProviders(new CaliforniumClientEndpointsProvider.Builder(new CoapClientProtocolProvider())
                        .setClientAddress(InetAddress.getLoopbackAddress()).build())
                .build();
        client.addObserver(new Reporter());
    }

    public static void main(String[] args) throws Exception {
        Path registry = args.length > 4 ? Path.of(args[4]) : null;
        Main main = new Main(args[0], args[1], Long.parseLong(args[2]), args[3].equals("queue"), registry);
        emit("ready", node());
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonNode command = JSON.readTree(line);
            if (command.path("do").asText().equals("quit")) break;
            main.obey(command);
        }
        main.client.destroy(false);
        System.exit(0);
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

    static ObjectNode node() {
        return JSON.createObjectNode();
    }

    static synchronized void emit(String event, ObjectNode content) {
        OUT.println(content.put("event", event));
        OUT.flush();
    }

    private void obey(JsonNode command) throws InterruptedException {
        switch (command.path("do").asText()) {
            case "start" -> client.start();
            case "stop" -> client.stop(true);
            case "restart" -> restart();
            case "update" -> client.triggerRegistrationUpdate();
            case "send" -> send(command);
            case "set" -> set(new LwM2mPath(command.path("path").asText()), command.path("value"));
            default -> emit("error", node().put("message", "unknown command " + command));
        }
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
                    response -> emit("sent", node().put("code", codeOf(response.getCode()))),
                    error -> emit("error", node().put("message", "send: " + error)));
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

    /** Tells what becomes of the registration. */
    private static final class Reporter extends LwM2mClientObserverAdapter {
        @Override
        public void onRegistrationSuccess(LwM2mServer server, RegisterRequest request, String location) {
            emit("registered", node().put("location", location));
        }

        @Override
        public void onRegistrationFailure(LwM2mServer s, RegisterRequest r, ResponseCode code, String message, Exception e) {
            emit("refused", node().put("code", code == null ? String.valueOf(e) : codeOf(code)));
        }

        @Override
        public void onRegistrationTimeout(LwM2mServer server, RegisterRequest request) {
            emit("timeout", node().put("request", "register"));
        }

        @Override
        public void onUpdateSuccess(LwM2mServer server, UpdateRequest request) {
            emit("updated", node());
        }

        @Override
        public void onUpdateFailure(LwM2mServer s, UpdateRequest r, ResponseCode code, String message, Exception e) {
            emit("update-refused", node().put("code", code == null ? String.valueOf(e) : codeOf(code)));
        }

        @Override
        public void onUpdateTimeout(LwM2mServer server, UpdateRequest request) {
            emit("timeout", node().put("request", "update"));
        }

        @Override
        public void onDeregistrationSuccess(LwM2mServer server, DeregisterRequest request) {
            emit("deregistered", node());
        }

        @Override
        public void onUnexpectedError(Throwable error) {
            emit("error", node().put("message", String.valueOf(error)));
        }
    }
}
