package lwm2m.cluster;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.leshan.core.model.InvalidDDFFileException;
import org.eclipse.leshan.core.model.InvalidModelException;
import org.eclipse.leshan.core.model.ObjectLoader;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.core.model.ResourceModel;
import org.eclipse.leshan.core.model.ResourceModel.Operations;
import org.eclipse.leshan.core.model.ResourceModel.Type;
import org.eclipse.leshan.core.node.ObjectLink;
import org.eclipse.leshan.core.util.datatype.ULong;

/** What the client has besides objects 0 and 1: 3, 5, 6 and 3303, and others on demand, with first values that tests know. */
final class Objects {
    /** Objects made of {@link TestInstance}s. */
    static final int[] SIMPLE = {3, 5, 6, 3303};

    /** Objects made of {@link TestInstance}s where the registry's definitions are at hand. */
    static final int[] FURTHER = {4, 7, 10, 11, 16, 19, 20};

    private static final List<String> REGISTRY_FILES =
            List.of("10-1_1.xml", "11-1_0.xml", "16-1_0.xml", "19-1_0.xml", "20-2_0.xml");

    private Objects() {}

    /** Leshan's own core objects, and 3303, which it does not bring. */
    static List<ObjectModel> models() {
        List<ObjectModel> models = new ArrayList<>(ObjectLoader.loadDefault());
        models.add(new ObjectModel(3303, "Temperature", "", "1.0", true, false, List.of(
                resource(5601, "Min Measured Value", Operations.R, Type.FLOAT),
                resource(5602, "Max Measured Value", Operations.R, Type.FLOAT),
                resource(5605, "Reset Min and Max Measured Values", Operations.E, Type.NONE),
                resource(5700, "Sensor Value", Operations.R, Type.FLOAT),
                resource(5701, "Sensor Units", Operations.R, Type.STRING))));
        return models;
    }

    /** The same, and those of the OMA registry that Leshan does not bring. */
    static List<ObjectModel> models(Path registry) throws IOException, InvalidModelException, InvalidDDFFileException {
        List<ObjectModel> models = models();
        for (String file : REGISTRY_FILES) {
            try (InputStream in = Files.newInputStream(registry.resolve(file))) {
                models.addAll(ObjectLoader.loadDdfFile(in, file));
            }
        }
        return models;
    }

    /** Whether the object is there from the start; else it waits for a Create. */
    static boolean startsWithInstance(int object) {
        return object != 11 && object != 16;
    }

    /** First values of an instance of the object. */
    static Map<Integer, Object> valuesOf(int object) {
        return switch (object) {
            case 3 -> {
                Map<Integer, Object> values = new HashMap<>(Map.of(0, "Eclipse Leshan", 1, "Test Client", 2, "LE-1", 3, "1.0",
                        6, Map.of(0, 1L, 1, 5L), 7, Map.of(0, 3800L, 1, 5000L), 8, Map.of(0, 125L, 1, 900L), 9, 100L, 10, 15L));
                values.putAll(Map.of(11, Map.of(0, 0L), 13, new Date(1_367_491_215_000L), 14, "+02:00", 15, "Europe/Paris", 16, "U"));
                yield values;
            }
            case 4 -> new HashMap<>(Map.of(0, 0L, 1, Map.of(0, 0L), 2, -92L, 3, 2L, 4, Map.of(0, "192.168.0.100"),
                    5, Map.of(0, "192.168.1.1"), 6, 5L, 7, Map.of(0, "internet")));
            case 5 -> new HashMap<>(Map.of(1, "", 3, 0L, 5, 0L, 8, Map.of(0, 0L), 9, 2L));
            case 6 -> new HashMap<>(Map.of(0, 48.1375, 1, -11.575, 2, 519.5, 5, new Date(1_367_491_215_000L)));
            case 7 -> new HashMap<>(Map.of(2, 0L, 3, 0L, 4, 0L, 5, 0L, 8, 0L));
            case 10 -> new HashMap<>(Map.of(0, "+33612345678", 1, 0L, 4, 3600L, 5, 20L, 8, new byte[] {0x29}, 9, new byte[] {0x25},
                    11, Map.of(0, new ObjectLink(11, 0)), 12, ULong.valueOf(6), 13, ULong.valueOf(0)));
            case 16 -> new HashMap<>(Map.of(0, Map.of())); // Leshan writes no multiple resource that has no value yet
            case 19 -> new HashMap<>(Map.of(0, Map.of(0, "first".getBytes(StandardCharsets.UTF_8)), 1, 0L, 3, "test data"));
            case 20 -> new HashMap<>(Map.of(4010, 255L, 4013, 0L, 4014, "log".getBytes(StandardCharsets.UTF_8), 4015, 0L));
            case 3303 -> new HashMap<>(Map.of(5601, 21.5, 5602, 21.5, 5700, 21.5, 5701, "Cel"));
            default -> new HashMap<>();
        };
    }

    private static ResourceModel resource(int id, String name, Operations operations, Type type) {
        return new ResourceModel(id, name, operations, false, false, type, "", "", "");
    }
}
