use super::*;

const TOKEN: &str = "the-token";

fn render(content: Content) -> Rendered {
    let letter = Letter {
        to: Email::parse("ann@example.com").unwrap(),
        base_url: "https://api.example.com".to_owned(),
        content,
    };
    let renderer = Renderer::new("Bob & <i>Sons</i>", MailLinks::new(&"secret".into()));
    renderer.render(&letter, Some(&TOKEN.into())).unwrap()
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
    for mail in [welcome("ann"), render(Content::VerifyEmail { user_id: Uuid::nil() })] {
        assert_has_link(&mail, "https://api.example.com/api/v1/verify-email?token=the-token");
    }
}

#[test]
fn who_has_forgotten_the_password_gets_a_link_to_set_another_one_and_no_word_about_who_asked() {
    let mail = render(Content::PasswordReset { asked_from: "192.0.2.7".parse().unwrap() });
    assert_has_link(&mail, "https://api.example.com/api/v1/reset-password?token=the-token");
    assert!(!mail.html.contains("192.0.2.7") && !mail.text.contains("192.0.2.7"));
}

#[test]
fn a_notice_holds_no_token() {
    for what in Notice::ALL {
        let mail = render(Content::Notice { what });
        assert!(!mail.html.contains(TOKEN) && !mail.text.contains(TOKEN) && !mail.text.contains('?'), "{what:?}");
        assert!(mail.text.contains("https://api.example.com/api/v1/forgot-password\n"), "{}", mail.text);
        assert_eq!(mail.unsubscribe, None);
    }
}

#[test]
fn a_mail_whose_link_lacks_its_token_is_not_rendered() {
    let renderer = Renderer::new("Bob", MailLinks::new(&"secret".into()));
    let to = Email::parse("ann@example.com").unwrap();
    let content = Content::VerifyEmail { user_id: Uuid::nil() };
    let letter = Letter { to, base_url: "https://api.example.com".to_owned(), content };
    assert!(matches!(renderer.render(&letter, None), Err(RenderError::Token)));
}

fn assert_has_link(mail: &Rendered, link: &str) {
    assert!(mail.text.lines().any(|line| line == link), "{}", mail.text);
    assert_eq!(mail.html.matches(link).count(), 3, "the button, the plain link and its text");
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
