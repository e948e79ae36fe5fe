"""How a recipe ends other than well."""


class Missing(Exception):
    """A package or a tool that cannot be had."""


class Different(Exception):
    """An answer that is not the expected one, or a command that fails."""


def expect(what, answer, expected):
    """Ends the recipe if the two are not equal."""
    if answer != expected:
        raise Different(f"{what}: {shortened(answer)} instead of {shortened(expected)}")


def shortened(value):
    """A value as it is written, without the midst of a long one."""
    text = repr(value)
    return text if len(text) < 2_000 else f"{text[:900]} … {text[-900:]}"


def expect_lines(what, text, lines):
    """Ends the recipe if one of the lines does not stand in the text."""
    for line in lines:
        if line not in text:
            raise Different(f"{what}: no line `{line}` in\n{text}")
