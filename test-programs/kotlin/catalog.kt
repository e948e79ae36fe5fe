// A catalog of a shop, built by init out of everything that Kotlin keeps on the garbage-collected heap: collections of many
// kinds, strings, lambdas that captured variables, sealed hierarchies, enumerations, objects, lazy values, exceptions that
// were caught and kept, cycles, shared objects. query(i) answers from all of it, and changes some.
@file:OptIn(kotlin.wasm.ExperimentalWasmInterop::class)

enum class Kind(val tax: Int) {
    BOOK(5), TOOL(20), FOOD(7) {
        override fun label() = "eaten soon"
    };

    open fun label() = name.lowercase()
}

value class Cents(val amount: Long)

data class Item(val id: Int, val title: String, val kind: Kind, val price: Cents, val tags: List<String>, var stock: Int) {
    // Items and shelves point at each other.
    var shelf: Shelf? = null
    val initials by lazy { title.split(' ').joinToString("") { it.take(1) } }
}

class Shelf(val name: String) {
    val items = ArrayDeque<Item>()
    val next: Shelf? get() = following
    var following: Shelf? = null

    inner class Label(val text: String) {
        fun full() = "$name/$text/${items.size}"
    }
}

sealed class Rule {
    data class Above(val amount: Long) : Rule()
    data class Tagged(val tag: String) : Rule()
    data class Both(val left: Rule, val right: Rule) : Rule()
    data class Not(val inner: Rule) : Rule()
    data object Always : Rule()

    fun holds(item: Item): Boolean = when (this) {
        is Above -> item.price.amount > amount
        is Tagged -> tag in item.tags
        is Both -> left.holds(item) && right.holds(item)
        is Not -> !inner.holds(item)
        Always -> true
    }
}

class BadLine(val line: Int, message: String, cause: Throwable? = null) : IllegalArgumentException(message, cause)

fun interface Discount {
    fun apply(price: Long): Long
}

object Counters {
    val calls = IntArray(16)
    var hash = 17L
    fun mix(value: Long) {
        hash = hash * 31 + value
    }
}

class Catalog {
    val items = ArrayList<Item>()
    val byTitle = HashMap<String, Item>()
    val byKind = LinkedHashMap<Kind, MutableList<Item>>()
    val shelves = ArrayList<Shelf>()
    val labels = ArrayList<Shelf.Label>()
    val words = mutableMapOf<String, MutableSet<Int>>()
    val rules = LinkedHashMap<String, Rule>()
    val discounts = HashMap<Kind, Discount>()
    val failures = ArrayList<Throwable>()
    val steps = ArrayList<(Int) -> Int>()
    val matrix = Array(12) { row -> DoubleArray(12) { column -> (row * column).toDouble() / 7 } }
    val grid: Array<Array<Item?>> = Array(8) { arrayOfNulls(8) }
    val flags = BooleanArray(300)
    val letters = CharArray(26) { 'a' + it }
    val bytes = ByteArray(1000) { (it * 37).toByte() }
    val shorts = ShortArray(100) { (it * -331).toShort() }
    val floats = FloatArray(50) { it * 0.1f }
    val longs = LongArray(50) { it * 0x1_0000_0001L }
    val pairs = ArrayList<Pair<String, Triple<Int, Long?, Any>>>()
    var text = ""
    val anything: List<Any?> = listOf(1, 2L, 3.5, 4.5f, 'c', true, "s", null, Unit, Kind.TOOL, 5.toByte(), 6u, listOf<Any>(), emptyMap<Int, Int>())
    val sorted by lazy { items.sortedWith(compareBy<Item> { it.kind }.thenByDescending { it.price.amount }.thenBy { it.id }) }
}

private val syllables = "ka lo mi tu ra be zo gi ñu шо 語".split(' ')
private var catalog: Catalog? = null
private val noticed = mutableListOf<String>()

private fun parse(line: Int, text: String): Item {
    val fields = text.split(';')
    if (fields.size != 4) throw BadLine(line, "line $line has ${fields.size} fields")
    val price = try {
        fields[2].toLong()
    } catch (error: NumberFormatException) {
        throw BadLine(line, "line $line: what is ${fields[2]}", error)
    } finally {
        Counters.calls[0]++
    }
    require(price >= 0) { "line $line: $price is negative" }
    return Item(line, fields[0], Kind.entries[fields[1].toInt()], Cents(price), fields[3].split(','), line % 9)
}

private fun build(): Catalog {
    val built = Catalog()
    var seed = 1u
    fun random(below: Int): Int {
        seed = seed * 1664525u + 1013904223u
        return ((seed shr 8) % below.toUInt()).toInt()
    }
    fun word() = (0..1 + random(3)).joinToString("") { syllables[random(syllables.size)] }
    for (line in 0 until 6000) {
        val price = when (line % 500) {
            17 -> "a lot"
            18 -> "-5"
            else -> random(10000).toString()
        }
        val kind = if (line % 700 == 3) "9" else random(3).toString()
        val text = "${word()} ${word()};$kind;$price" + if (line % 600 == 5) "" else ";${word()},${syllables[random(5)]}"
        try {
            val item = parse(line, text)
            built.items += item
            built.byTitle[item.title] = item
            built.byKind.getOrPut(item.kind) { mutableListOf() } += item
            item.title.split(' ').forEach { built.words.getOrPut(it) { linkedSetOf() }.add(line) }
        } catch (error: BadLine) {
            built.failures += error
        } catch (error: Exception) {
            built.failures += RuntimeException("wrapped", error)
        }
    }
    repeat(40) { built.shelves += Shelf("shelf-$it") }
    built.shelves.zipWithNext { one, two -> one.following = two }
    built.shelves.last().following = built.shelves.first()
    for ((at, item) in built.items.withIndex()) {
        val shelf = built.shelves[at % built.shelves.size]
        if (at % 2 == 0) shelf.items.addLast(item) else shelf.items.addFirst(item)
        item.shelf = shelf
        built.grid[at % 8][at / 8 % 8] = item
        built.flags[at % 300] = built.flags[at % 300] xor (item.stock > 4)
    }
    built.shelves.mapTo(built.labels) { it.Label("label " + it.name.reversed()) }
    built.rules["cheap"] = Rule.Not(Rule.Above(500))
    built.rules["ka"] = Rule.Both(Rule.Tagged("ka"), Rule.Always)
    built.rules["deep"] = (1..200).fold(Rule.Always as Rule) { rule, n -> Rule.Both(Rule.Not(Rule.Above(20000L + n)), rule) }
    var used = 0
    for (kind in Kind.entries) {
        val factor = 100 - kind.tax
        built.discounts[kind] = Discount { price -> used++; price * factor / 100 + used % 2 }
    }
    var total = 0
    for (n in 1..30) built.steps += { argument -> total += argument % n; total + n }
    built.steps += Int::inc
    built.steps += Counters.calls::get
    for (n in 0 until 200) built.pairs += "p$n" to Triple(n, if (n % 3 == 0) null else n.toLong(), if (n % 2 == 0) "even" else built.items[n])
    built.text = buildString {
        for (item in built.items.take(2000)) append(item.title.uppercase()).append(if (item.stock > 3) '+' else 'é')
        insert(10, "🎉")
    }
    built.items.asSequence().filter { it.kind == Kind.FOOD }.map { it.price.amount }.take(500).forEach(Counters::mix)
    noticed += built.items.groupingBy { it.kind.label() }.eachCount().entries.sortedBy { it.key }.joinToString { "${it.key}=${it.value}" }
    noticed += Regex("""(\w)\w*-(\d+)""").replace(built.shelves.take(5).joinToString { it.name }) { "${it.groupValues[2]}${it.groupValues[1]}" }
    built.items[0].initials
    return built
}

private fun Catalog.answer(i: Int): Int = when (i % 20) {
    0 -> items[i % items.size].let { it.toString().hashCode() xor it.stock++ }
    1 -> byTitle.size + (byTitle[items[i % items.size].title]?.id ?: -7)
    2 -> byKind.entries.sumOf { (kind, of) -> kind.tax * of.size + of.last().id }
    3 -> generateSequence(shelves[i % 40]) { it.next }.take(100).sumOf { it.items.size } + labels[i % 40].full().hashCode()
    4 -> items.count { rules.values.elementAt(i % 3).holds(it) }
    5 -> discounts.getValue(Kind.entries[i % 3]).apply(i.toLong()).toInt()
    6 -> (failures[i % failures.size].message + failures[i % failures.size].cause?.message).hashCode()
    7 -> steps[i % steps.size](i % 16)
    8 -> matrix[i % 12].sum().toRawBits().hashCode() + flags.count { it }
    9 -> grid.sumOf { row -> row.sumOf { it?.id ?: -1 } } + letters.concatToString().hashCode()
    10 -> bytes.contentHashCode() + shorts.sum() + floats.contentHashCode() + longs.contentHashCode()
    11 -> pairs[i % 200].let { (name, triple) -> name.hashCode() + triple.toString().hashCode() }
    12 -> text.hashCode() + text.indexOf('+', i % text.length) + text.length
    13 -> anything.toString().hashCode() + anything.count { it is Number } * 1000 + anything.indexOf("s")
    14 -> sorted[i % sorted.size].id + (if (sorted[0] === items.first { it.id == sorted[0].id }) 1_000_000 else 0)
    15 -> items[i % items.size].initials.hashCode() + noticed.hashCode()
    16 -> words.entries.sumOf { (word, lines) -> word.length * lines.size } + (words[syllables[i % 11]]?.size ?: -3)
    17 -> try {
        parse(i, if (i % 2 == 0) "x;0" else "x;0;none;t").id
    } catch (error: BadLine) {
        failures += error
        (error.cause?.message ?: error.message).hashCode() + failures.size
    }
    18 -> {
        val moved = shelves[i % 40].items.removeFirstOrNull()
        if (moved != null) {
            shelves[(i + 1) % 40].items.addLast(moved)
            moved.shelf = shelves[(i + 1) % 40]
        }
        if (moved === byTitle[moved?.title]) moved?.id ?: 0 else -(moved?.id ?: 0)
    }
    else -> Counters.hash.toInt() + Counters.calls.sum() + items.maxBy { it.price.amount }.id + Kind.valueOf("TOOL").label().length
}

@WasmExport("wizer.initialize")
fun initialize() {
    catalog = build()
}

@WasmExport
fun query(argument: Int): Int {
    val built = catalog ?: return -1
    Counters.calls[1 + argument.mod(15)]++
    Counters.mix(argument.toLong())
    return built.answer(argument and Int.MAX_VALUE)
}
