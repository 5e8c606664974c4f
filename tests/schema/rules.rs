//! The schema of a file of rules for `portcullis gate`, which the engine reads without a type of its
//! shape: so it is written here, and a test reads what it takes.

use serde_json::{Value, json};

/// The definitions of a file of rules, by name.
pub fn definitions() -> [(String, Value); 4] {
    let selector = json!({
        "description": "Labels, each with a value or with a list of values that it may have; or a text as `kubectl -l` takes it: `app in (web,api),!test`",
        "oneOf": [
            { "type": "string" },
            { "type": "object", "additionalProperties": { "oneOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 },
            ] } },
        ],
    });
    let texts = |description: &str| {
        json!({ "description": description, "oneOf": [
            { "type": "string" },
            { "type": "array", "items": { "type": "string" }, "minItems": 1 },
        ] })
    };
    let end = json!({
        "description": "Whom a rule names",
        "oneOf": [
            { "enum": ["internet", "outside", "pods", "anything"] },
            {
                "type": "object",
                "properties": {
                    "pods": reference("GateSelector"),
                    "namespaces": reference("GateSelector"),
                    "namespace": texts("Names of namespaces"),
                },
                "additionalProperties": false,
                "minProperties": 1,
            },
            {
                "type": "object",
                "properties": { "addresses": texts("CIDRs or addresses that are no pods'") },
                "required": ["addresses"],
                "additionalProperties": false,
            },
        ],
    });
    let named =
        [("GateSelector", selector), ("GateEnd", end), ("GateRule", rule()), ("GateRules", file())];
    named.map(|(name, value)| (name.to_owned(), value))
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn rule() -> Value {
    let ends = json!({ "oneOf": [
        reference("GateEnd"),
        { "type": "array", "items": reference("GateEnd"), "minItems": 1 },
    ] });
    let port = json!({ "type": ["integer", "string"], "minimum": 1, "maximum": 65535 });
    let ports = json!({
        "description": "Numbers, ranges such as `80-90`, and with protocols: `53/UDP`; all if absent",
        "oneOf": [port, { "type": "array", "items": port, "minItems": 1 }],
    });
    let flows = |required: &[&str]| {
        json!({
            "type": "object",
            "properties": {
                "from": ends, "to": ends, "except-from": ends, "except-to": ends, "ports": ports,
            },
            "required": required,
            "additionalProperties": false,
        })
    };
    json!({
        "description": "A rule for `portcullis gate`, with one of `never`, `never-meet` and `no-new-access`",
        "type": "object",
        "properties": {
            "name": { "type": "string", "minLength": 1 },
            "description": { "type": "string" },
            "never": flows(&["from", "to"]),
            "never-meet": { "type": "array", "items": reference("GateEnd"), "minItems": 2 },
            "no-new-access": flows(&[]),
            "ports": ports,
            "future": { "enum": ["namespaces", "pods", "nothing"] },
        },
        "required": ["name"],
        "oneOf": [
            { "required": ["never"] },
            { "required": ["never-meet"] },
            { "required": ["no-new-access"] },
        ],
        "additionalProperties": false,
    })
}

fn file() -> Value {
    json!({
        "description": "A file of rules for `portcullis gate --rules`, in YAML or JSON",
        "type": "object",
        "properties": {
            "rules": { "type": "array", "items": reference("GateRule"), "minItems": 1 },
        },
        "required": ["rules"],
        "additionalProperties": false,
    })
}
