use super::*;

fn render(content: Content) -> Rendered {
    let letter = Letter {
        to: Email::parse("ann@example.com").unwrap(),
        base_url: "https://api.example.com".to_owned(),
        content,
    };
    Renderer::new("Bob & <i>Sons</i>", MailLinks::new(&"secret".into())).render(&letter, Timestamp::UNIX_EPOCH).unwrap()
}

fn welcome(username: &str) -> Rendered {
    render(Content::Welcome { user_id: Uuid::nil(), username: username.to_owned() })
}

fn notification(subject: &str, message: &str) -> Rendered {
    render(Content::Notification { subject: subject.to_owned(), message: message.to_owned() })
}

#[test]
fn mails_look_like_this() {
    for (name, Rendered { subject, html, text, .. }) in examples().unwrap() {
        insta::assert_snapshot!(format!("{name}.html"), html);
        insta::assert_snapshot!(format!("{name}.txt"), format!("Subject: {subject}\n\n{text}"));
    }
}

#[test]
fn a_welcome_has_a_link_that_confirms_the_address() {
    let mail = welcome("ann");
    let token =
        mail.text.lines().find_map(|line| line.strip_prefix("https://api.example.com/api/v1/verify-email?token="));
    let links = MailLinks::new(&"secret".into());
    let verification = links.open_verification(token.unwrap(), Timestamp::UNIX_EPOCH).unwrap();
    assert!(verification.is_for(&Email::parse("ann@example.com").unwrap()));
    assert_eq!(mail.html.matches(token.unwrap()).count(), 3, "the button, the plain link and its text");
    assert_eq!(mail.unsubscribe, None);
}

#[test]
fn a_notification_has_a_link_that_unsubscribes_the_address() {
    let mail = notification("Hello", "Hi");
    let link = mail.unsubscribe.unwrap();
    let token = link.strip_prefix("https://api.example.com/api/v1/unsubscribe?token=").unwrap();
    let links = MailLinks::new(&"secret".into());
    assert_eq!(links.open_unsubscribe(token), Ok(Email::parse("ann@example.com").unwrap()));
    assert!(mail.html.contains(&link) && mail.text.contains(&link));
}

#[test]
fn markup_in_a_message_is_text() {
    let mail = notification("<b>\"Sale\"</b>", "<script>alert('x')</script> & <a href=\"https://evil.example\">x</a>");
    assert_eq!(mail.subject, "<b>\"Sale\"</b>");
    assert!(mail.text.starts_with("<script>alert('x')</script> & <a href=\"https://evil.example\">x</a>\n"));
    assert!(!mail.html.contains("<script") && !mail.html.contains("<b>") && !mail.html.contains("<i>"));
    assert_eq!(mail.html.matches("<a ").count(), 1, "the link to unsubscribe is the only one");
    assert!(mail.html.contains("aria-label=\"&#60;b&#62;&#34;Sale&#34;&#60;/b&#62;\""));
}

#[test]
fn a_message_keeps_its_lines_and_loses_what_turns_it_around() {
    let mail = notification("one\r\nBcc: all@example.com", "a\r\n\r\n  b\u{202E}c\0\u{2028}d\n");
    assert_eq!(mail.subject, "one Bcc: all@example.com");
    assert!(mail.text.starts_with("a\n\n  bc\nd\n\n-- \n"), "{}", mail.text);
    assert!(mail.html.contains(">a<br><br>  bc<br>d</div>"), "{}", mail.html);
}

#[test]
fn a_long_message_is_sent_whole() {
    let line = "word <3 ".repeat(1_250);
    let mail = notification(&"s".repeat(10_000), &line);
    assert_eq!(mail.subject.len(), 10_000);
    assert!(mail.text.contains(line.trim_end()));
    assert_eq!(mail.html.matches("word &#60;3").count(), 1_250);
}

#[test]
fn a_username_that_says_more_than_a_name_is_not_repeated() {
    assert!(welcome("Ann_Ö-3").html.contains("<bdi>Ann_Ö-3</bdi>"));
    assert!(welcome("Ann_Ö-3").text.contains("You signed up as Ann_Ö-3."));
    for hostile in
        ["evil.example", "https://evil.example", "You won money", "<script>", "a@b.example", "a\u{202E}b", "a\nb"]
    {
        let mail = welcome(hostile);
        assert!(!mail.html.contains("You signed up as") && !mail.text.contains("You signed up as"), "{hostile:?}");
        assert!(!mail.html.contains(hostile), "{hostile:?}");
    }
}
