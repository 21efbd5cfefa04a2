"""The languages: by which endings, with which parser, and what their nodes are called.

The grammars name the same things in different words; :class:`Language` has
the words of one, so that the rules are written once.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

__all__ = ["CALLS", "CONCATENATIONS", "LANGUAGES", "PAIRS", "STRINGS", "Language", "language_of"]


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """One language.  ``parser`` is the engine's name for it; "" where it is cut into others."""

    name: str
    parser: str
    endings: tuple[str, ...]


LANGUAGES: Mapping[str, Language] = {
    name: Language(name=name, parser=parser, endings=tuple(endings.split()))
    for name, parser, endings in (
        ("python", "python", ".py .pyi .pyw"),
        ("javascript", "tsx", ".js .mjs .cjs .jsx"),
        ("typescript", "typescript", ".ts .mts .cts"),
        ("tsx", "tsx", ".tsx"),
        ("java", "java", ".java"),
        ("kotlin", "kotlin", ".kt .kts"),
        ("scala", "scala", ".scala .sc"),
        ("ruby", "ruby", ".rb .rake .gemspec"),
        ("php", "php", ".php .phtml"),
        ("go", "go", ".go"),
        ("csharp", "csharp", ".cs"),
        ("html", "html", ".html .htm .xhtml .jinja .j2 .ejs .erb .hbs .mustache .twig"),
        ("vue", "", ".vue .svelte"),
        ("openapi", "", ".yaml .yml .json"),
    )
}
"""By their names."""

_BY_ENDING = {ending: each for each in LANGUAGES.values() for ending in each.endings}


def language_of(path: str) -> Language | None:
    """The language of the file *path*, by its ending.

    >>> language_of("src/client.TS").name
    'typescript'
    """
    dot = path.rfind(".")
    return _BY_ENDING.get(path[dot:].lower()) if dot >= 0 else None


# ---- the words of the grammars --------------------------------------------------------------

STRINGS = frozenset(
    [
        "string",
        "string_literal",
        "template_string",
        "interpreted_string_literal",
        "raw_string_literal",
        "encapsed_string",
        "interpolated_string_expression",
        "interpolated_string",
        "interpolated_verbatim_string_expression",
        "verbatim_string_literal",
        "line_string_literal",
        "heredoc_body",
        "multiline_string_literal",
        "symbol",
        "simple_symbol",
        "quoted_attribute_value",
        "attribute_value",
        "concatenated_string",
        "string_content",
        "raw_text",
        "text",
    ]
)
HOLES = frozenset(
    [
        "interpolation",
        "template_substitution",
        "interpolated_expression",
        "interpolated_identifier",
        "variable_name",
        "dynamic_variable_name",
        "member_access_expression",
        "subscript_expression",
        "string_interpolation",
    ]
)
"""In a string: what is put in when it runs."""

CONCATENATIONS = frozenset(
    ["binary_operator", "binary_expression", "binary", "infix_expression", "additive_expression"]
)
CALLS = frozenset(
    [
        "call",
        "call_expression",
        "method_invocation",
        "invocation_expression",
        "member_call_expression",
        "function_call_expression",
        "scoped_call_expression",
        "object_creation_expression",
        "new_expression",
        "instance_expression",
        "annotation",
        "marker_annotation",
        "attribute",
        "composite_literal",
        "implicit_object_creation_expression",
        "nullsafe_member_call_expression",
    ]
)
PAIRS = frozenset(
    [
        "pair",
        "keyword_argument",
        "array_element_initializer",
        "keyed_element",
        "assignment_expression",
        "named_argument",
    ]
)
ARGUMENTS = frozenset(
    [
        "argument_list",
        "arguments",
        "value_arguments",
        "annotation_argument_list",
        "attribute_argument_list",
        "bracketed_argument_list",
        "call_suffix",
    ]
)
LITERALS = frozenset(
    [
        "number",
        "integer",
        "float",
        "true",
        "false",
        "null",
        "none",
        "nil",
        "boolean",
        "integer_literal",
        "decimal_integer_literal",
        "boolean_literal",
        "null_literal",
        "undefined",
        "int_literal",
        "float_literal",
    ]
)
FUNCTIONS = frozenset(
    [
        "function_definition",
        "function_declaration",
        "method_declaration",
        "method_definition",
        "arrow_function",
        "function_expression",
        "method",
        "singleton_method",
        "lambda",
        "function",
        "func_literal",
        "local_function_statement",
        "constructor_declaration",
        "do_block",
        "block_argument",
        "anonymous_function",
        "lambda_expression",
    ]
)
TYPES = frozenset(
    [
        "property_signature",
        "type_annotation",
        "object_type",
        "interface_declaration",
        "type_alias_declaration",
        "predefined_type",
        "type_identifier",
    ]
)
