// Words that are counted, with much else that Kotlin keeps on the garbage-collected heap: collections, strings of all kinds, functions that
// captured variables, exceptions that were caught, arrays of every type, cycles, objects that two share. For JavaScript (`wasm-js`).
@file:OptIn(kotlin.js.ExperimentalJsExport::class, kotlin.js.ExperimentalWasmJsInterop::class)

class Word(val text: String, var count: Int) {
    // Words and their neighbors point at each other.
    var next: Word? = null
    var previous: Word? = null
    val letters by lazy { text.toCharArray().distinct().sorted() }
}

sealed interface Rule
data class Longer(val length: Int) : Rule
data class Begins(val with: Char) : Rule
data class Both(val left: Rule, val right: Rule) : Rule

class BadWord(message: String, cause: Throwable? = null) : Exception(message, cause)

private fun Rule.holds(word: Word): Boolean = when (this) {
    is Longer -> word.text.length > length
    is Begins -> word.text.startsWith(with)
    is Both -> left.holds(word) && right.holds(word)
}

private val words = LinkedHashMap<String, Word>()
private var order: List<Word> = emptyList()
private val failures = ArrayList<Throwable>()
private val steps = ArrayList<(Int) -> Int>()
private val rules = mapOf<String, Rule>("long" to Longer(4), "both" to Both(Longer(2), Begins('k')))
private val numbers = listOf<Any>(
    byteArrayOf(1, -2), shortArrayOf(-300), intArrayOf(1 shl 30), longArrayOf(Long.MIN_VALUE), floatArrayOf(1.5f, Float.NaN),
    doubleArrayOf(-0.0, 1e300), booleanArrayOf(true), charArrayOf('ß', '語'),
)
// Half a surrogate pair is a string, too.
private val texts = listOf("", "plain", "é語🎉", "\uD83C", "\u0000 and more", buildString { repeat(20_000) { append('a' + it % 26) } })
private var kept: JsAny? = null
private var listener: ((Int) -> Int)? = null

private fun parse(text: String): Int = try {
    text.toInt()
} catch (error: NumberFormatException) {
    throw BadWord("no number: $text", error)
}

private fun build() {
    var seed = 42L
    repeat(60_000) {
        seed = seed * 6364136223846793005L + 1442695040888963407L
        var rest = (seed ushr 33) % 30_000 + 1
        val text = StringBuilder()
        while (rest > 0) {
            text.append('a' + (rest % 26).toInt())
            rest /= 26
        }
        words.getOrPut(text.toString()) { Word(text.toString(), 0) }.count++
    }
    order = words.values.sortedBy { it.text }
    order.zipWithNext { left, right ->
        left.next = right
        right.previous = left
    }
    for (text in listOf("1", "one", "")) {
        try {
            parse(text)
        } catch (error: BadWord) {
            failures += error
        }
    }
    var total = 0
    for (n in 1..20) steps += { argument -> total += argument % n; total + n }
}

@JsExport
fun start() {
    if (order.isEmpty()) build()
}

@JsExport
fun answer(n: Int): String {
    start()
    val word = order[n.mod(order.size)]
    word.count++
    val failure = failures[n.mod(failures.size)]
    return listOf(
        word.text, word.count, word.next?.text, word.previous?.next === word, word.letters.joinToString(""), steps[n.mod(steps.size)](n),
        rules.count { (_, rule) -> rule.holds(word) }, "${failure.message}/${failure.cause?.message}/${failure is BadWord}",
        texts.sumOf { it.hashCode() }, texts[n.mod(texts.size)].take(9), numbers.joinToString { describe(it) }, words[texts[1]]?.count,
    ).joinToString(" ")
}

private fun describe(array: Any): String = when (array) {
    is ByteArray -> array.contentToString()
    is ShortArray -> array.contentToString()
    is IntArray -> array.contentToString()
    is LongArray -> array.contentToString()
    is FloatArray -> array.contentToString()
    is DoubleArray -> array.contentToString()
    is BooleanArray -> array.contentToString()
    is CharArray -> array.concatToString()
    else -> "?"
}

private fun newObject(): JsAny = js("({ of: 'JavaScript' })")

/** Keeps an object of JavaScript. */
@JsExport
fun keepObject() {
    kept = newObject()
}

/** Keeps a value of JavaScript that is no object. */
@JsExport
fun keepNumber() {
    kept = 1.5.toJsNumber()
}

/** Keeps a function of JavaScript. */
@JsExport
fun keepFunction(function: (Int) -> Int) {
    listener = function
}

/** What it answers is another in each run. */
@JsExport
fun chance(): Int = kotlin.random.Random.nextInt(1000)

fun main() {}
