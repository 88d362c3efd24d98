//! What a request says, as recipients read it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::Encoding;
use mailparse::{DispositionType, MailAddr, MailParseError, ParsedMail};

use super::headers;
use super::request::{Destination, Raw, Refusal, Simple, Text};
use crate::mail::{MailAttachment, MailHeader};

/// The largest message, with attachments in Base64.
///
/// <https://docs.aws.amazon.com/ses/latest/dg/quotas.html>
pub(super) const SIZE_LIMIT: usize = 40 * 1024 * 1024;

/// The content of a message.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) subject: String,
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
    /// All of a raw message, those of its own of a simple one.
    pub(super) headers: Vec<MailHeader>,
    pub(super) attachments: Vec<MailAttachment>,
}

impl Message {
    pub(super) fn simple(simple: Simple) -> Result<Self, Refusal> {
        let Simple { subject, body, headers, attachments } = simple;
        if body.text.is_none() && body.html.is_none() {
            return Err(Refusal::bad_request("The body needs Text, Html, or both."));
        }
        if subject.data.contains(['\r', '\n']) {
            return Err(Refusal::bad_request("The subject must not contain line breaks."));
        }
        let texts = [Some(&subject), body.text.as_ref(), body.html.as_ref()].into_iter().flatten();
        let size = texts.map(|text| text.data.len()).sum::<usize>()
            + headers.iter().map(|header| header.name.len() + header.value.len()).sum::<usize>()
            + attachments.iter().map(|attachment| attachment.raw_content.len()).sum::<usize>();
        check_size(size)?;
        let attached = attachments.into_iter().map(|attachment| {
            let content = STANDARD.decode(&attachment.raw_content);
            let content = content.map_err(|_| Refusal::bad_request("An attachment's RawContent is no Base64."))?;
            let content_type = attachment.content_type.unwrap_or_else(|| "application/octet-stream".to_owned());
            Ok(MailAttachment { name: attachment.file_name, content_type, size: content.len() })
        });
        Ok(Self {
            subject: in_charset(subject)?,
            text: body.text.map(in_charset).transpose()?,
            html: body.html.map(in_charset).transpose()?,
            headers: headers::custom(headers)?,
            attachments: attached.collect::<Result<_, _>>()?,
        })
    }

    /// Reads a MIME message, and who it is for by its header.
    pub(super) fn raw(raw: &Raw) -> Result<(Self, Destination), Refusal> {
        let data = STANDARD.decode(&raw.data).map_err(|_| Refusal::bad_request("The message is no Base64."))?;
        check_size(data.len())?;
        let malformed = |error: MailParseError| Refusal::bad_request(format!("The message is malformed: {error}"));
        let mail = mailparse::parse_mail(&data).map_err(malformed)?;
        let mut message = Self::default();
        for header in &mail.headers {
            message.headers.push(MailHeader { name: header.get_key(), value: header.get_value() });
        }
        headers::check_repeats(&message.headers)?;
        message.subject = message.header("Subject").unwrap_or_default().to_owned();
        message.add_parts(&mail).map_err(malformed)?;

        let mut destination = Destination::default();
        for header in &mail.headers {
            let list = match header.get_key_ref().to_ascii_lowercase().as_str() {
                "to" => &mut destination.to,
                "cc" => &mut destination.cc,
                "bcc" => &mut destination.bcc,
                _ => continue,
            };
            let addresses = mailparse::addrparse_header(header).map_err(|_| Refusal::bad_request("Illegal address"))?;
            list.extend(addresses.iter().flat_map(|entry| match entry {
                MailAddr::Single(single) => vec![single.addr.clone()],
                MailAddr::Group(group) => group.addrs.iter().map(|single| single.addr.clone()).collect(),
            }));
        }
        // Whoever is a secret recipient stays one.
        message.headers.retain(|header| !header.name.eq_ignore_ascii_case("bcc"));
        Ok((message, destination))
    }

    /// The value of a header field.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.as_str())
    }

    /// The first plain text and the first HTML are the message's, the rest is attached to it.
    fn add_parts(&mut self, part: &ParsedMail<'_>) -> Result<(), MailParseError> {
        if !part.subparts.is_empty() {
            return part.subparts.iter().try_for_each(|part| self.add_parts(part));
        }
        let disposition = part.get_content_disposition();
        let inline = disposition.disposition != DispositionType::Attachment;
        match part.ctype.mimetype.as_str() {
            "text/plain" if inline && self.text.is_none() => self.text = Some(part.get_body()?),
            "text/html" if inline && self.html.is_none() => self.html = Some(part.get_body()?),
            content_type => {
                let name = disposition.params.get("filename").or_else(|| part.ctype.params.get("name"));
                self.attachments.push(MailAttachment {
                    name: name.cloned().unwrap_or_default(),
                    content_type: content_type.to_owned(),
                    size: part.get_body_raw()?.len(),
                });
            }
        }
        Ok(())
    }
}

fn check_size(size: usize) -> Result<(), Refusal> {
    if size <= SIZE_LIMIT {
        return Ok(());
    }
    Err(Refusal::bad_request(format!("Message length is more than {SIZE_LIMIT} bytes long: '{size}'.")))
}

/// The text as recipients read it: what its charset does not have becomes a question mark. Without a charset it is
/// ASCII, so that a forgotten one is seen.
fn in_charset(text: Text) -> Result<String, Refusal> {
    let Text { data, charset } = text;
    let label = charset.as_deref().unwrap_or("US-ASCII");
    if label.eq_ignore_ascii_case("US-ASCII") || label.eq_ignore_ascii_case("ASCII") {
        return Ok(data.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect());
    }
    let encoding = Encoding::for_label(label.as_bytes())
        .ok_or_else(|| Refusal::bad_request("The charset is not one that this version of SES knows."))?;
    if encoding.output_encoding() == encoding_rs::UTF_8 {
        return Ok(data);
    }
    let (_, _, unmappable) = encoding.encode(&data);
    if !unmappable {
        return Ok(data);
    }
    let can_say = |c: char| !encoding.encode(c.encode_utf8(&mut [0; 4])).2;
    Ok(data.chars().map(|c| if can_say(c) { c } else { '?' }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data: &str, charset: Option<&str>) -> Text {
        Text { data: data.to_owned(), charset: charset.map(str::to_owned) }
    }

    #[test]
    fn characters_that_the_charset_lacks_become_question_marks() {
        for (charset, expected) in [
            (None, "Gr??e ?"),
            (Some("us-ascii"), "Gr??e ?"),
            (Some("ISO-8859-1"), "Grüße ?"),
            (Some("UTF-8"), "Grüße 🐦"),
        ] {
            assert_eq!(in_charset(text("Grüße 🐦", charset)).unwrap(), expected, "{charset:?}");
        }
        assert!(in_charset(text("a", Some("klingon"))).is_err());
    }

    #[test]
    fn a_raw_message_is_taken_apart() {
        let mime = "From: =?UTF-8?Q?=C3=84nn?= <ann@example.com>\r\n\
            To: Bob <bob@example.com>, friends: carl@example.com, dora@example.com;\r\n\
            Bcc: eve@example.com\r\n\
            Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\
            Content-Type: multipart/mixed; boundary=outer\r\n\r\n\
            --outer\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n\
            --inner\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            Gr=FC=DFe\r\n\
            --inner\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\
            PGI+SGk8L2I+\r\n--inner--\r\n\
            --outer\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nabc\r\n--outer--\r\n";
        let (message, destination) = Message::raw(&Raw { data: STANDARD.encode(mime) }).unwrap();
        assert_eq!(message.subject, "Grüße");
        assert_eq!(message.header("from"), Some("Änn <ann@example.com>"));
        assert_eq!(message.header("bcc"), None);
        assert_eq!(message.text.as_deref().map(str::trim_end), Some("Grüße"));
        assert_eq!(message.html.as_deref(), Some("<b>Hi</b>"));
        let [attachment] = message.attachments.as_slice() else { panic!("there is one attachment") };
        assert_eq!((attachment.name.as_str(), attachment.content_type.as_str()), ("a.txt", "text/plain"));
        assert_eq!(destination.to, ["bob@example.com", "carl@example.com", "dora@example.com"]);
        assert_eq!(destination.bcc, ["eve@example.com"]);
    }

    #[test]
    fn a_raw_message_has_each_field_once() {
        let data = STANDARD.encode("Subject: a\r\nSubject: b\r\n\r\ntext");
        assert_eq!(Message::raw(&Raw { data }).unwrap_err().message, "Duplicate header 'Subject'.");
    }

    #[test]
    fn a_message_over_40_mb_is_refused() {
        assert_eq!(check_size(SIZE_LIMIT), Ok(()));
        let message = check_size(SIZE_LIMIT + 1).unwrap_err().message;
        assert_eq!(message, "Message length is more than 41943040 bytes long: '41943041'.");
    }
}
