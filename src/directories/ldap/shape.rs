//! What an answer must look like before it may reach ldap3: that panics on a malformed one, and a deep one overflows its stack.

/// RFC 2696: more pages follow.
pub(super) const PAGED: &str = "1.2.840.113556.1.4.319";

type Checked<T> = Result<T, &'static str>;

/// An element of BER (X.690), as RFC 4511 5.1 restricts it.
#[derive(Debug, Clone, Copy)]
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// Checks a message; gives its id (0: the server says something that nobody asked for, which is "good-bye").
pub(super) fn check(message: &[u8]) -> Checked<u32> {
    let parts = children(only(message, SEQUENCE)?)?;
    let [id, operation, controls @ ..] = parts.as_slice() else { return Err("a message without content") };
    let id = number(id, INTEGER)?;
    if id == 0 {
        return Ok(0);
    }
    match controls {
        [] => {}
        [all] if all.tag == 0xa0 => children(all.content)?.iter().try_for_each(control)?,
        _ => return Err("a message with too many parts"),
    }
    match operation.tag {
        // Bind, the end of a search, an extended operation.
        0x61 | 0x65 | 0x78 => drop(result(operation.content)?),
        0x64 => entry(operation.content)?,
        0x73 => children(operation.content)?.iter().try_for_each(|url| text(url).map(drop))?,
        _ => return Err("something that is no answer"),
    }
    Ok(id)
}

/// Result code and text of an extended operation's answer.
pub(super) fn extended(message: &[u8]) -> Checked<(u32, String)> {
    check(message)?;
    match children(only(message, SEQUENCE)?)?.get(1) {
        Some(operation) if operation.tag == 0x78 => result(operation.content),
        _ => Err("an answer to another question"),
    }
}

/// What asks for the next page; empty: there is none.
pub(super) fn cookie(value: &[u8]) -> Checked<Vec<u8>> {
    match children(only(value, SEQUENCE)?)?.as_slice() {
        [size, cookie] if size.tag == INTEGER && cookie.tag == OCTETS => Ok(cookie.content.to_vec()),
        _ => Err("pages without a cookie"),
    }
}

/// The error in a password policy's answer (draft-behera-ldap-password-policy): SEQUENCE { [0] warning, [1] error }, both optional.
pub(super) fn policy_error(value: &[u8]) -> Option<u8> {
    let parts = children(only(value, SEQUENCE).ok()?).ok()?;
    parts.iter().find(|part| part.tag == 0x81)?.content.first().copied()
}

fn result(content: &[u8]) -> Checked<(u32, String)> {
    let parts = children(content)?;
    let [code, matched, said, rest @ ..] = parts.as_slice() else { return Err("a result without a code") };
    text(matched)?;
    for part in rest {
        match part.tag {
            0xa3 => children(part.content)?.iter().try_for_each(|url| text(url).map(drop))?,
            0x8a => drop(std::str::from_utf8(part.content).map_err(|_| "a name that is no text")?),
            tag if tag & 0x20 == 0 => {}
            _ => return Err("a result with an unknown part"),
        }
    }
    Ok((number(code, ENUMERATED)?, text(said)?.to_owned()))
}

fn entry(content: &[u8]) -> Checked<()> {
    let parts = children(content)?;
    let [name, attributes] = parts.as_slice() else { return Err("an entry without attributes") };
    text(name)?;
    for attribute in children(of(attributes, SEQUENCE)?)? {
        let parts = children(of(&attribute, SEQUENCE)?)?;
        let [name, values] = parts.as_slice() else { return Err("an attribute without values") };
        text(name)?;
        children(of(values, SET)?)?.iter().try_for_each(|value| of(value, OCTETS).map(drop))?;
    }
    Ok(())
}

fn control(control: &Element<'_>) -> Checked<()> {
    let parts = children(of(control, SEQUENCE)?)?;
    let [kind, rest @ ..] = parts.as_slice() else { return Err("a control without a type") };
    text(kind)?;
    match rest {
        [] => Ok(()),
        [one] | [_, one] if one.tag == OCTETS => Ok(()),
        [one] if one.tag == 0x01 && !one.content.is_empty() => Ok(()),
        _ => Err("a control with unknown parts"),
    }?;
    match rest {
        [first, _] if first.tag != 0x01 || first.content.is_empty() => Err("a control with unknown parts"),
        _ => Ok(()),
    }
}

fn of<'a>(element: &Element<'a>, tag: u8) -> Checked<&'a [u8]> {
    if element.tag == tag { Ok(element.content) } else { Err("another type than LDAP has there") }
}

fn text<'a>(element: &Element<'a>) -> Checked<&'a str> {
    std::str::from_utf8(of(element, OCTETS)?).map_err(|_| "a text that is not UTF-8")
}

fn number(element: &Element<'_>, tag: u8) -> Checked<u32> {
    match of(element, tag)? {
        bytes @ ([_] | [_, _] | [_, _, _] | [0..=0x7f, _, _, _]) => {
            Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
        }
        _ => Err("a number that is too long"),
    }
}

fn only(bytes: &[u8], tag: u8) -> Checked<&[u8]> {
    match children(bytes)?.as_slice() {
        [one] => of(one, tag),
        _ => Err("one element too many or too few"),
    }
}

fn children(mut bytes: &[u8]) -> Checked<Vec<Element<'_>>> {
    let mut all = Vec::new();
    while let [tag, first, rest @ ..] = bytes {
        if tag & 0x1f == 0x1f {
            return Err("a tag that LDAP does not have");
        }
        let (length, rest) = match *first {
            short @ 0..=0x7f => (usize::from(short), rest),
            long @ 0x81..=0x84 => {
                let (length, rest) = rest.split_at_checked(usize::from(long & 0x7f)).ok_or("a length cut short")?;
                (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
            }
            _ => return Err("a length that LDAP does not have"),
        };
        let (content, after) = rest.split_at_checked(length).ok_or("an element that is longer than what holds it")?;
        all.push(Element { tag: *tag, content });
        bytes = after;
    }
    if bytes.is_empty() { Ok(all) } else { Err("half an element") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bind's answer: success.
    const BOUND: &[u8] = &[0x30, 0x0c, 0x02, 0x01, 0x01, 0x61, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00];

    #[test]
    fn an_answer_passes_and_no_part_of_it_does() {
        assert_eq!(check(BOUND), Ok(1));
        for end in 0..BOUND.len() {
            assert!(check(&BOUND[..end]).is_err(), "{end}");
        }
        for at in 0..BOUND.len() {
            for value in 0..=255 {
                let mut changed = BOUND.to_vec();
                changed[at] = value;
                let _ = check(&changed);
            }
        }
    }

    #[test]
    fn depth_is_refused() {
        let mut deep = vec![0x04, 0x00];
        for _ in 0..40 {
            deep = [&[0x30, u8::try_from(deep.len()).unwrap()], deep.as_slice()].concat();
        }
        let attributes = [&[0x64, u8::try_from(deep.len() + 2).unwrap(), 0x04, 0x00], deep.as_slice()].concat();
        let message = [&[0x30, u8::try_from(attributes.len() + 3).unwrap(), 2, 1, 1], attributes.as_slice()].concat();
        assert!(check(&message).is_err());
    }

    #[test]
    fn policies_and_pages() {
        assert_eq!(policy_error(&[0x30, 0x03, 0x81, 0x01, 0x01]), Some(1));
        assert_eq!(policy_error(&[0x30, 0x08, 0xa0, 0x03, 0x80, 0x01, 0x09, 0x81, 0x01, 0x02]), Some(2));
        assert_eq!(policy_error(&[0x30, 0x00]), None);
        assert_eq!(policy_error(b"x"), None);
        assert_eq!(cookie(&[0x30, 0x06, 0x02, 0x01, 0x00, 0x04, 0x01, b'c']), Ok(vec![b'c']));
        assert!(cookie(&[0x30, 0x02, 0x04, 0x00]).is_err());
    }
}
