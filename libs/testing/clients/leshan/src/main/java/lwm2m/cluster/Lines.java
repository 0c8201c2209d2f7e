package lwm2m.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Commands as JSON lines on stdin, events as JSON lines on stdout. */
final class Lines {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final PrintStream OUT = System.out;

    private Lines() {}

    /** Obeys a command; what it throws becomes an "error" event. */
    interface Obey {
        void obey(JsonNode command) throws Exception;
    }

    static ObjectNode node() {
        return JSON.createObjectNode();
    }

    static JsonNode parse(String text) throws IOException {
        return JSON.readTree(text);
    }

    static synchronized void emit(String event, ObjectNode content) {
        OUT.println(content.put("event", event));
        OUT.flush();
    }

    /** Reads commands until {"do":"quit"} or the end of stdin. */
    static void readCommands(Obey target) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonNode command = JSON.readTree(line);
            if (command.path("do").asText().equals("quit")) return;
            try {
                target.obey(command);
            } catch (Exception error) {
                emit("error", node().put("message", command + ": " + error));
            }
        }
    }
}
