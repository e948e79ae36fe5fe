package words;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntUnaryOperator;
import org.teavm.jso.JSBody;
import org.teavm.jso.JSExport;
import org.teavm.jso.JSObject;

/**
 * Words that are counted, with much else that Java keeps on the garbage-collected heap: collections, strings of all kinds, functions that
 * captured variables, exceptions that were caught, arrays of every type, cycles, enumerations. Its strings are JavaScript's.
 */
public final class Words {
    private enum Kind {
        SHORT, LONG {
            @Override
            String label() {
                return "a long one";
            }
        };

        String label() {
            return name().toLowerCase();
        }
    }

    private static final class Word {
        final String text;
        final Kind kind;
        int count;
        // Words and their neighbors point at each other.
        Word next;
        Word previous;

        Word(String text) {
            this.text = text;
            this.kind = text.length() > 3 ? Kind.LONG : Kind.SHORT;
        }
    }

    private static final class BadWord extends RuntimeException {
        BadWord(String message, Throwable cause) {
            super(message, cause);
        }
    }

    private static final Map<String, Word> WORDS = new HashMap<>();
    private static final List<Word> ORDER = new ArrayList<>();
    private static final List<String> FAILURES = new ArrayList<>();
    private static final List<IntUnaryOperator> STEPS = new ArrayList<>();
    private static final ArrayDeque<Object> MIXED = new ArrayDeque<>();
    // Half a surrogate pair is a string, too.
    private static final String[] TEXTS = { "", "plain", "é語🎉", "\uD83C", "\0 and more", "x".repeat(20_000) };
    private static final double[] DOUBLES = { -0.0, 1e300, Double.NaN };
    private static final byte[][] BYTES = { { 1, -2 }, {}, new byte[300] };
    private static JSObject kept;
    private static BadWord failure;

    private Words() {
    }

    public static void main(String[] arguments) {
        build();
    }

    private static int parse(String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException error) {
            throw new BadWord("no number: " + text, error);
        }
    }

    private static void build() {
        long seed = 42;
        for (int line = 0; line < 60_000; line++) {
            seed = seed * 6364136223846793005L + 1442695040888963407L;
            StringBuilder text = new StringBuilder();
            for (long rest = (seed >>> 33) % 30_000 + 1; rest > 0; rest /= 26) {
                text.append((char) ('a' + rest % 26));
            }
            WORDS.computeIfAbsent(text.toString(), Word::new).count++;
        }
        ORDER.addAll(new TreeMap<>(WORDS).values());
        for (int at = 1; at < ORDER.size(); at++) {
            ORDER.get(at).previous = ORDER.get(at - 1);
            ORDER.get(at - 1).next = ORDER.get(at);
        }
        for (String text : new String[] { "1", "one", "" }) {
            try {
                parse(text);
            } catch (BadWord error) {
                FAILURES.add(error.getMessage() + " because of " + error.getCause().getClass().getName());
            }
        }
        int[] total = new int[1];
        for (int n = 1; n <= 20; n++) {
            int captured = n;
            STEPS.add(argument -> (total[0] += argument % captured) + captured);
        }
        MIXED.add(5L);
        MIXED.add('c');
        MIXED.add(2.5f);
        MIXED.add(Kind.LONG);
        MIXED.add(Map.of("key", List.of(1, 2)));
    }

    @JSExport
    public static void start() {
        if (ORDER.isEmpty()) {
            build();
        }
    }

    @JSExport
    public static String answer(int n) {
        start();
        Word word = ORDER.get(Math.floorMod(n, ORDER.size()));
        word.count++;
        StringBuilder text = new StringBuilder();
        text.append(word.text).append(' ').append(word.count).append(' ').append(word.kind.label());
        text.append(' ').append(word.next == null ? "last" : word.next.text);
        text.append(' ').append(word.previous == null || word.previous.next == word);
        text.append(' ').append(STEPS.get(Math.floorMod(n, STEPS.size())).applyAsInt(n));
        text.append(' ').append(FAILURES).append(' ').append(MIXED);
        for (String each : TEXTS) {
            text.append(' ').append(each.hashCode()).append('/').append(each.length());
        }
        text.append(' ').append(TEXTS[Math.floorMod(n, 5)]);
        for (double each : DOUBLES) {
            text.append(' ').append(each);
        }
        return text.append(' ').append(BYTES[0][1]).append(BYTES[1].length).append(BYTES[2].length).toString();
    }

    /** Keeps an object of JavaScript. */
    @JSExport
    public static void keepObject() {
        kept = object();
    }

    @JSBody(script = "return { of: 'JavaScript' };")
    private static native JSObject object();

    /** Keeps an exception, with its stack as JavaScript has it. */
    @JSExport
    public static void keepFailure() {
        failure = new BadWord("kept", null);
    }

    /** What it answers is another in each run. */
    @JSExport
    public static double chance() {
        return Math.random();
    }

    /** What was kept. */
    @JSExport
    public static boolean isKept() {
        return kept != null || failure != null;
    }
}
