//! The JSON Schema of what users receive, written from the types of `engine/src/report`.
//!
//! The file is checked in, since the package's types are made of it, and since a change of it is a
//! change for users, to be seen in review.

use portcullis_engine::report::{
    CheckReport, DescribeReport, DiffReport, FlowEntry, FlowError, FlowQuery, FlowReport,
    FlowResult, ListReport, ProgramReport, TestReport,
};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The version of what is received: it rises where a reader of the last one would go wrong.
/// Since 2, connections of a list name groups of endpoints.
pub const VERSION: u32 = 2;

/// What the schema is called, wherever the file is.
pub const ID: &str = "https://portcullis.dev/schema/2/portcullis.schema.json";

/// Reports, each of which is the whole of what a command prints.
const REPORTS: [&str; 8] = [
    "CheckReport",
    "ListReport",
    "DiffReport",
    "FlowReport",
    "FlowAnswers",
    "ProgramReport",
    "TestReports",
    "DescribeReport",
];

/// The schema, with a definition for each type: what is printed is one of the reports.
#[must_use]
pub fn schema() -> Value {
    // What is received has all fields that are always written; what is given has defaults.
    let (received, given) = (
        SchemaSettings::draft2020_12().for_serialize(),
        SchemaSettings::draft2020_12().for_deserialize(),
    );
    let mut definitions = definitions::<(
        (CheckReport, ListReport, DiffReport, FlowReport, ProgramReport),
        (FlowResult, FlowError, TestReport, DescribeReport),
    )>(received);
    definitions.extend(self::definitions::<(FlowQuery, FlowEntry)>(given));
    definitions.values_mut().for_each(|definition| {
        leave_out_null(definition);
        leave_out_shape(definition);
        leave_out_widths(definition);
    });
    definitions.extend(lists());
    definitions.extend(expectations());
    let reports = REPORTS.map(reference);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "version": VERSION,
        "title": "Portcullis",
        "description": "What `portcullis -o json` prints and the npm package @portcullis/engine returns",
        "anyOf": reports,
        "$defs": definitions,
    })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// What a file of flows has, and what is printed for one.
fn lists() -> [(String, Value); 4] {
    let answer = ["FlowResult", "FlowError"].map(reference);
    let flows = json!({
        "description": "A file of flows for `portcullis eval --flows`, in JSON or YAML",
        "type": "array",
        "items": reference("FlowEntry"),
        "minItems": 1,
    });
    let answer = json!({
        "description": "The answer to one flow of a file, or why there is none",
        "anyOf": answer,
    });
    let answers = json!({
        "description": "What `portcullis eval --flows FILE -o json` prints, in the order of the file",
        "type": "array",
        "items": reference("FlowAnswer"),
    });
    let tests = json!({
        "description": "What `portcullis test -o json` prints: a report for each file of expectations",
        "type": "array",
        "items": reference("TestReport"),
    });
    let named = [
        ("Flows", flows),
        ("FlowAnswer", answer),
        ("FlowAnswers", answers),
        ("TestReports", tests),
    ];
    named.map(|(name, value)| (name.to_owned(), value))
}

/// Formats such as `uint16`, which no validator knows: their ranges are in `minimum` and `maximum`.
fn leave_out_widths(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let widths = fields.get("format").and_then(Value::as_str).and_then(width);
            if let Some(most) = widths {
                fields.remove("format");
                fields.entry("minimum").or_insert_with(|| 0.into());
                most.into_iter().for_each(|most| {
                    fields.entry("maximum").or_insert_with(|| most.into());
                });
            }
            fields.values_mut().for_each(leave_out_widths);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_out_widths),
        _ => {}
    }
}

/// The greatest number of a width, if it says one.
fn width(format: &str) -> Option<Option<u64>> {
    match format {
        "uint8" => Some(Some(u8::MAX.into())),
        "uint16" => Some(Some(u16::MAX.into())),
        "uint32" => Some(Some(u32::MAX.into())),
        "uint" | "uint64" => Some(None),
        _ => None,
    }
}

fn definitions<T: JsonSchema>(settings: SchemaSettings) -> Map<String, Value> {
    let mut generator = settings.into_generator();
    generator.subschema_for::<T>();
    generator.take_definitions(true)
}

/// An optional field that holds nothing is left out, never `null`, which the derived schema
/// cannot know.
fn leave_out_null(definition: &mut Value) {
    let properties = definition.get_mut("properties");
    let properties = properties.and_then(Value::as_object_mut).into_iter();
    for property in properties.flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        if let Some([kind, Value::String(null)]) = pair(property.get("type"))
            && null == "null"
        {
            property.insert("type".into(), kind.clone());
        }
        if let Some([Value::Object(choice), _]) = pair(property.get("anyOf")) {
            property.remove("anyOf");
            property.extend(choice);
        }
    }
}

/// How values are ordered in Rust is of no use to users.
fn leave_out_shape(definition: &mut Value) {
    if let Some(Value::String(description)) = definition.get_mut("description") {
        let (said, _) = description.split_once("\n\n# Shape").unwrap_or((description, ""));
        *description = said.replace("# Units\n", "");
    }
}

fn pair(value: Option<&Value>) -> Option<[Value; 2]> {
    value?.as_array()?.clone().try_into().ok()
}

/// What a file of expectations has.
fn expectations() -> [(String, Value); 3] {
    let texts = |description: &str| {
        json!({
            "description": description,
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
        })
    };
    let port = json!({
        "description": "Every port of every protocol if absent",
        "anyOf": [reference("PortQuery"), { "type": "array", "items": reference("PortQuery") }],
    });
    let name = json!({ "description": "How it is called in answers", "type": "string" });
    let entry = json!({
        "description": "What is expected of flows from some ends to others, or of pods",
        "type": "object",
        "properties": {
            "name": name,
            "from": texts("Sources, as a flow has them, or patterns"),
            "to": texts("Destinations, as a flow has them, or patterns"),
            "port": port,
            "protocol": reference("Protocol"),
            "pods": texts("Whom `isolated` and `no-internet` are about"),
            "direction": reference("Direction"),
            "except": texts("Ends that patterns do not mean"),
            "expect": reference("Expected"),
        },
        "required": ["expect"],
        "additionalProperties": false,
    });
    let file = json!({
        "description": "Expectations with the manifests that they are about",
        "type": "object",
        "properties": {
            "manifests": texts("Paths, from the folder that the file is in"),
            "expect": { "description": "The expectations", "type": "array", "items": reference("Expectation"), "minItems": 1 },
        },
        "required": ["expect"],
        "additionalProperties": false,
    });
    let either = json!({
        "description": "A file of expectations for `portcullis test`, in JSON or YAML",
        "anyOf": [
            reference("ExpectationsFile"),
            { "type": "array", "items": reference("Expectation"), "minItems": 1 },
        ],
    });
    [("Expectation", entry), ("ExpectationsFile", file), ("Expectations", either)]
        .map(|(name, value)| (name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_file_says_what_the_types_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("portcullis.schema.json");
        let written = format!("{:#}\n", super::schema());
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(&path, &written).unwrap();
        }
        let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
        let same = checked_in.lines().zip(written.lines()).take_while(|(a, b)| a == b).count();
        assert!(
            checked_in == written,
            "tests/schema/portcullis.schema.json is stale from line {} on: the types of \
             engine/src/report say something else. If that is meant, run\n    \
             UPDATE_SCHEMA=1 cargo test -p portcullis-schema && node wasm/js/types.mjs",
            same + 1
        );
    }
}
