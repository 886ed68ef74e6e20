//! An answer file of one's own, with variables (`$ComputerName$`) in place of what differs from guest to guest. Whatever their values are, they
//! stay values: none becomes markup or a line of its own.

use super::{Answers, inf};
use crate::model::system::AnswerFile;
use quick_xml::events::{BytesCData, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};

/// The text with the variables' values, each treated by `treat`.
fn fill(text: &str, answers: &Answers<'_>, file: AnswerFile, treat: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest[1..].find('$').map(|n| n + 1);
        match end.and_then(|end| Some((end, answers.variable(&rest[1..end], file)?))) {
            Some((end, value)) => {
                out.push_str(&treat(&value));
                rest = &rest[end + 1..];
            }
            None => {
                out.push('$');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

/// Of `sysprep.inf`, line by line: a value that is a variable and nothing else is quoted as it needs to be; in one that has quotes already, its
/// quotes are doubled.
pub(super) fn inf(text: &str, answers: &Answers<'_>) -> String {
    let file = AnswerFile::SysprepInf;
    let line = |line: &str| match line.split_once('=') {
        Some((key, value)) if value.trim().starts_with('$') && value.trim().ends_with('$') => {
            format!("{key}={}", inf::quoted(&fill(value.trim(), answers, file, str::to_owned)))
        }
        _ => fill(line, answers, file, |value| value.replace('"', "\"\"")),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\r\n") + "\r\n"
}

/// Of `unattend.xml`: in texts and in attributes' values.
pub(super) fn xml(text: &str, answers: &Answers<'_>, file: AnswerFile) -> Result<String, String> {
    let mut reader = Reader::from_str(text);
    let mut writer = Writer::new(Vec::new());
    let escaped = |value: &str| quick_xml::escape::escape(value).into_owned();
    loop {
        let event = reader.read_event().map_err(|e| e.to_string())?;
        let event = match event {
            Event::Eof => break,
            Event::Text(text) => {
                let raw = text.to_string();
                Event::Text(BytesText::from_escaped(fill(&raw, answers, file, escaped)))
            }
            // There nothing is escaped, and only its end must not be in it.
            Event::CData(text) => {
                let raw = text.to_string();
                let filled = fill(&raw, answers, file, |value| value.replace("]]>", "]]]]><![CDATA[>"));
                Event::CData(BytesCData::new(filled))
            }
            Event::Start(start) => Event::Start(attributes(&start, answers, file)),
            Event::Empty(start) => Event::Empty(attributes(&start, answers, file)),
            other => other,
        };
        writer.write_event(event).map_err(|e| e.to_string())?;
    }
    String::from_utf8(writer.into_inner()).map_err(|e| e.to_string())
}

fn attributes(start: &BytesStart<'_>, answers: &Answers<'_>, file: AnswerFile) -> BytesStart<'static> {
    let name = start.name().as_ref().len();
    let raw: &str = start;
    let filled = fill(raw, answers, file, |value| quick_xml::escape::escape(value).into_owned());
    BytesStart::from_content(filled, name)
}
