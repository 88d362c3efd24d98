//! SES as its own SDK sees it.

use std::time::Duration;

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::ProvideErrorMetadata;
use aws_sdk_sesv2::operation::send_email::builders::SendEmailFluentBuilder;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{
    Attachment, Body, Content, Destination, EmailContent, Message, MessageHeader, MessageTag, RawMessage, Template,
};
use peregrine_core::aws::AwsSettings;
use serde_json::{Value, json};

use crate::EmbeddedAws;
use crate::aws::Storage;
use crate::topics::{Publications, Topics};

const TEMPLATE: &str = "
Resources:
  Domain: { Type: AWS::SES::EmailIdentity, Properties: { EmailIdentity: example.com } }
  Address: { Type: AWS::SES::EmailIdentity, Properties: { EmailIdentity: ann@example.org } }
  Set: { Type: AWS::SES::ConfigurationSet, Properties: { Name: mail } }
  Topic: { Type: AWS::SNS::Topic }
  Events:
    Type: AWS::SES::ConfigurationSetEventDestination
    Properties:
      ConfigurationSetName: !Ref Set
      EventDestination:
        Enabled: true
        MatchingEventTypes: [bounce, complaint, delivery]
        SnsDestination: { TopicARN: !Ref Topic }
";

struct Ses {
    aws: EmbeddedAws,
    client: Client,
    publications: Publications,
}

fn start() -> Ses {
    let (topics, publications) = Topics::new();
    let template = crate::Template::parse(TEMPLATE, "template.yaml").unwrap();
    let aws = EmbeddedAws::start_with(None, &Storage::Memory, &template, &topics).unwrap();
    // Generous, as the client's own limits are meant for functions and large messages take longer unoptimised.
    let config = AwsSettings::at(aws.url()).sdk_config();
    let timeouts = aws_sdk_sesv2::config::timeout::TimeoutConfig::builder()
        .operation_timeout(Duration::from_mins(2))
        .operation_attempt_timeout(Duration::from_mins(2))
        .build();
    let config = aws_sdk_sesv2::config::Builder::from(&config).timeout_config(timeouts).build();
    Ses { aws, client: Client::from_conf(config), publications }
}

fn utf8(data: &str) -> Content {
    Content::builder().data(data).charset("UTF-8").build().unwrap()
}

fn message() -> aws_sdk_sesv2::types::builders::MessageBuilder {
    Message::builder().subject(utf8("Hello")).body(Body::builder().text(utf8("Hello")).build())
}

fn simple(message: Message) -> EmailContent {
    EmailContent::builder().simple(message).build()
}

fn to(address: &str) -> Destination {
    Destination::builder().to_addresses(address).build()
}

impl Ses {
    /// A mail that would be sent.
    fn mail(&self) -> SendEmailFluentBuilder {
        self.client
            .send_email()
            .from_email_address("Peregrine <api@example.com>")
            .destination(to("bob@example.net"))
            .content(simple(message().build()))
    }

    /// The code and message with which `mail` is refused.
    async fn refusal(&self, mail: SendEmailFluentBuilder) -> (String, String) {
        let error = mail.send().await.expect_err("it is refused").into_service_error();
        assert!(self.aws.mail().is_empty(), "what is refused is not captured");
        (error.code().unwrap_or_default().to_owned(), error.message().unwrap_or_default().to_owned())
    }

    /// What is told about a mail to `address`.
    async fn events(&mut self, address: &str, count: usize) -> Vec<Value> {
        self.mail().destination(to(address)).configuration_set_name("mail").send().await.unwrap();
        let mut events = Vec::new();
        for _ in 0..count {
            let publication = self.publications.next().await.unwrap();
            assert_eq!(publication.topic_arn, "arn:aws:sns:us-east-1:000000000000:Topic");
            assert_eq!(publication.subject.as_deref(), Some("Amazon SES Email Event Notification"));
            events.push(serde_json::from_str(&publication.message).unwrap());
        }
        events
    }
}

#[tokio::test]
async fn a_mail_is_captured_with_all_its_parts() {
    let ses = start();
    let body = Body::builder().text(utf8("Grüße 🐦")).html(utf8("<p>Grüße</p>")).build();
    let unsubscribe =
        MessageHeader::builder().name("List-Unsubscribe").value("<https://example.com/u>").build().unwrap();
    let attachment = Attachment::builder()
        .file_name("a.txt")
        .content_type("text/plain")
        .raw_content(Blob::new("abc"))
        .build()
        .unwrap();
    let message =
        Message::builder().subject(utf8("Grüße")).body(body).headers(unsubscribe).attachments(attachment).build();
    let destination = Destination::builder()
        .to_addresses("Bob <bob@example.net>")
        .cc_addresses("carl@example.net")
        .bcc_addresses("eve@example.net");
    let answer = ses
        .mail()
        .destination(destination.build())
        .reply_to_addresses("help@example.com")
        .content(simple(message))
        .email_tags(MessageTag::builder().name("kind").value("welcome").build().unwrap())
        .configuration_set_name("mail")
        .send()
        .await
        .unwrap();

    let mails = ses.aws.mail();
    let [mail] = mails.as_slice() else { panic!("one mail was sent") };
    assert_eq!(Some(mail.id.as_str()), answer.message_id());
    assert_eq!(mail.from, "Peregrine <api@example.com>");
    assert_eq!(mail.recipients().collect::<Vec<_>>(), ["Bob <bob@example.net>", "carl@example.net", "eve@example.net"]);
    assert_eq!(mail.reply_to, ["help@example.com"]);
    assert_eq!(mail.subject, "Grüße");
    assert_eq!(mail.text.as_deref(), Some("Grüße 🐦"));
    assert_eq!(mail.html.as_deref(), Some("<p>Grüße</p>"));
    assert_eq!(mail.header("list-unsubscribe"), Some("<https://example.com/u>"));
    assert_eq!(mail.header("cc"), Some("carl@example.net"));
    assert_eq!(mail.header("bcc"), None);
    assert_eq!(mail.header("message-id"), Some(format!("<{}@email.amazonses.com>", mail.id).as_str()));
    assert_eq!((mail.attachments[0].name.as_str(), mail.attachments[0].size), ("a.txt", 3));
    assert_eq!(mail.configuration_set.as_deref(), Some("mail"));
    assert_eq!(mail.tags["kind"], "welcome");
}

#[tokio::test]
async fn a_raw_mail_says_itself_who_gets_it() {
    let ses = start();
    let mime = "From: api@example.com\r\nTo: bob@example.net\r\nSubject: Raw\r\nMessage-ID: <a@b>\r\n\r\nHello\r\n";
    let raw = |mime: &str| {
        let raw = RawMessage::builder().data(Blob::new(mime)).build().unwrap();
        EmailContent::builder().raw(raw).build()
    };
    ses.client.send_email().content(raw(mime)).send().await.unwrap();
    ses.client.send_email().content(raw(mime)).destination(to("carl@example.net")).send().await.unwrap();
    let mails = ses.aws.mailbox().wait_for(2, Duration::from_secs(10)).await.unwrap();
    assert_eq!((mails[0].to.as_slice(), mails[0].subject.as_str()), (["bob@example.net".to_owned()].as_slice(), "Raw"));
    assert_eq!(mails[1].to, ["carl@example.net"]);
    assert_ne!(mails[0].header("Message-ID"), Some("<a@b>"), "SES sets its own");

    ses.aws.mailbox().clear();
    let foreign = mime.replace("api@example.com", "api@example.net");
    let (code, _) = ses.refusal(ses.client.send_email().content(raw(&foreign))).await;
    assert_eq!(code, "MessageRejected");
    let (code, message) = ses.refusal(ses.client.send_email().content(raw("Subject: a\r\n\r\nb"))).await;
    assert_eq!((code.as_str(), message.as_str()), ("BadRequestException", "Missing required header 'From'."));
}

#[tokio::test]
async fn a_message_over_40_mb_is_refused() {
    let ses = start();
    let content = "Subject: a\r\n\r\n".to_owned() + &"x\r\n".repeat(super::SIZE_LIMIT / 3);
    let raw = RawMessage::builder().data(Blob::new(content)).build().unwrap();
    let (code, message) = ses.refusal(ses.mail().content(EmailContent::builder().raw(raw).build())).await;
    assert_eq!(code, "BadRequestException");
    assert!(message.starts_with("Message length is more than 41943040 bytes long"), "{message}");
}

#[tokio::test]
async fn only_verified_senders_may_send() {
    let ses = start();
    for sender in ["api@mail.example.com", "ann@example.org", "Ann <ann+news@EXAMPLE.org>"] {
        ses.mail().from_email_address(sender).send().await.expect(sender);
    }
    ses.aws.mailbox().clear();
    for sender in ["bob@example.org", "api@notexample.com", "api@example.com.evil.net"] {
        let refusal = ses.refusal(ses.mail().from_email_address(sender)).await;
        let message = "Email address is not verified. The following identities failed the check in region US-EAST-1: ";
        assert_eq!(refusal, ("MessageRejected".to_owned(), format!("{message}{sender}")));
    }
}

#[tokio::test]
async fn what_ses_refuses_is_refused() {
    let ses = start();
    let with = |message: Message| ses.mail().content(simple(message));
    let header = |name: &str, value: &str| {
        with(message().headers(MessageHeader::builder().name(name).value(value).build().unwrap()).build())
    };
    let many = (0..51).fold(Destination::builder(), |list, number| list.bcc_addresses(format!("{number}@example.net")));
    let template = Template::builder().template_name("welcome").build();
    let tag = MessageTag::builder().name("kind").value("a b").build().unwrap();
    for (mail, message) in vec![
        (ses.mail().destination(Destination::builder().build()), "Missing required header 'To'."),
        (ses.mail().destination(many.build()), "Recipient count exceeds 50."),
        (ses.mail().destination(to("bob")), "Missing final '@domain'"),
        (ses.mail().destination(to("jürgen@example.net")), "Local address contains control or whitespace"),
        (ses.mail().destination(to("bob@bücher.example")), "Domain contains control or whitespace"),
        (ses.mail().reply_to_addresses("bob"), "Missing final '@domain'"),
        (
            with(message().subject(utf8("a\r\nBcc: eve@example.net")).build()),
            "The subject must not contain line breaks.",
        ),
        (header("X-A\r\nBcc", "eve@example.net"), "Invalid header name."),
        (header("X-A", "1\nBcc: eve@example.net"), "Invalid value of the header 'X-A'."),
        (header("Return-Path", "eve@example.net"), "Custom header 'Return-Path' is not allowed."),
        (with(message().body(Body::builder().build()).build()), "The body needs Text, Html, or both."),
        (
            ses.mail().email_tags(tag),
            "Invalid message tag: only alphanumeric ASCII characters, '_', and '-' are allowed, at most 256.",
        ),
        (
            ses.mail().content(EmailContent::builder().template(template).build()),
            "the local cloud has no templates of SES; send Simple or Raw content",
        ),
    ] {
        assert_eq!(ses.refusal(mail).await, ("BadRequestException".to_owned(), message.to_owned()));
    }
    let refusal = ses.refusal(ses.mail().configuration_set_name("other")).await;
    assert_eq!(refusal, ("NotFoundException".to_owned(), "Configuration set <other> does not exist.".to_owned()));
    let (_, message) = ses.refusal(ses.mail().tenant_name("tenant")).await;
    assert!(message.contains("unknown field `TenantName`"), "{message}");
    let error = ses.client.get_account().send().await.unwrap_err().into_service_error();
    assert!(error.message().unwrap_or_default().contains("SendEmail alone"), "{error:?}");
}

#[tokio::test]
async fn the_simulator_bounces() {
    let mut ses = start();
    let events = ses.events("Bob <bounce+42@simulator.amazonses.com>", 1).await;
    let [event] = events.as_slice() else { panic!("there is one event") };
    let mail = &ses.aws.mail()[0];
    assert_eq!(event["eventType"], "Bounce");
    assert_eq!(event["bounce"]["bounceType"], "Permanent");
    assert_eq!(event["bounce"]["bounceSubType"], "General");
    assert_eq!(
        event["bounce"]["bouncedRecipients"],
        json!([{
            "emailAddress": "bounce+42@simulator.amazonses.com",
            "action": "failed",
            "status": "5.1.1",
            "diagnosticCode": "smtp; 550 5.1.1 user unknown",
        }])
    );
    assert_eq!(event["bounce"]["timestamp"], format!("{:.3}", mail.time));
    assert!(event["bounce"]["feedbackId"].as_str().is_some_and(|id| id.ends_with("-000000")));
    assert_eq!(event["mail"]["messageId"], mail.id.as_str());
    assert_eq!(event["mail"]["source"], "Peregrine <api@example.com>");
    assert_eq!(event["mail"]["sourceArn"], "arn:aws:ses:us-east-1:000000000000:identity/example.com");
    assert_eq!(event["mail"]["destination"], json!(["bounce+42@simulator.amazonses.com"]));
    assert_eq!(event["mail"]["commonHeaders"]["subject"], "Hello");
    assert_eq!(event["mail"]["tags"]["ses:configuration-set"], json!(["mail"]));
    assert_eq!(event["mail"]["tags"]["ses:from-domain"], json!(["example.com"]));
}

#[tokio::test]
async fn the_simulator_stands_for_other_outcomes() {
    let mut ses = start();
    let events = ses.events("complaint@simulator.amazonses.com", 2).await;
    assert_eq!((&events[0]["eventType"], &events[1]["eventType"]), (&json!("Delivery"), &json!("Complaint")));
    assert_eq!(events[0]["delivery"]["recipients"], json!(["complaint@simulator.amazonses.com"]));
    assert_eq!(
        events[1]["complaint"]["complainedRecipients"],
        json!([{"emailAddress": "complaint@simulator.amazonses.com"}])
    );
    assert_eq!(events[1]["complaint"]["complaintFeedbackType"], "abuse");

    let events = ses.events("suppressionlist@simulator.amazonses.com", 1).await;
    assert_eq!(events[0]["bounce"]["bounceSubType"], "Suppressed");
    let events = ses.events("ooto@simulator.amazonses.com", 2).await;
    assert_eq!(events[1]["bounce"]["bounceType"], "Transient");
    for address in ["success+1@simulator.amazonses.com", "bob@example.net"] {
        assert_eq!(ses.events(address, 1).await[0]["eventType"], "Delivery");
    }
}

#[tokio::test]
async fn without_a_configuration_set_nobody_is_told() {
    let mut ses = start();
    ses.mail().destination(to("bounce@simulator.amazonses.com")).send().await.unwrap();
    let events = ses.events("success@simulator.amazonses.com", 1).await;
    assert_eq!(events[0]["eventType"], "Delivery", "the bounce before it was not published");
}

#[tokio::test]
async fn a_thousand_mails_are_captured() {
    let ses = start();
    for number in 0..1_000 {
        ses.mail().destination(to(&format!("{number}@example.net"))).send().await.unwrap();
    }
    let mails = ses.aws.mail();
    assert_eq!(mails.len(), 1_000);
    assert!(mails[999].is_for("999@example.net"));
}
