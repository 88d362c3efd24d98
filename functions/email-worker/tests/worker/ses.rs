//! What SES is asked, and what becomes of a mail by its answer.

use jiff::SignedDuration;
use peregrine_worker::Failure;
use serde_json::json;

use crate::scripted::{ACCEPTS, Aws, Ses};
use crate::{notice, notification, send, send_within};

/// The cause of a failure after which the job is tried again.
fn retried(result: Result<(), Failure>) -> String {
    match result {
        Err(Failure::Retry { cause, .. }) => cause,
        other => panic!("not tried again: {other:?}"),
    }
}

#[tokio::test]
async fn a_notification_can_be_unsubscribed_from_by_one_click() {
    let aws = Aws::start(ACCEPTS).await;
    send(&aws.url, notification("ann@bücher.example")).await.unwrap();
    let mut mails = aws.mails();
    let mut mail = mails.remove(0);
    let headers = mail["Content"]["Simple"]["Headers"].take();
    let body = mail["Content"]["Simple"]["Body"].take();
    assert_eq!(
        mail,
        json!({
            "FromEmailAddress": "\"Bob\" <bob@example.com>",
            "Destination": {"ToAddresses": ["ann@xn--bcher-kva.example"]},
            "Content": {"Simple": {"Subject": {"Data": "Größe", "Charset": "UTF-8"}, "Body": null, "Headers": null}},
            "EmailTags": [{"Name": "job", "Value": "00000000-0000-0000-0000-000000000000"}],
            "ConfigurationSetName": "mail",
        })
    );
    assert!(body["Text"]["Data"].as_str().unwrap().contains("Sent by Bob."));
    assert!(body["Html"]["Data"].as_str().unwrap().starts_with("<!DOCTYPE html>"));
    assert_eq!(headers[0], json!({"Name": "Auto-Submitted", "Value": "auto-generated"}));
    assert_eq!(headers[1]["Name"], "List-Unsubscribe");
    let link = headers[1]["Value"].as_str().unwrap();
    assert!(link.starts_with("<https://api.example.com/api/v1/unsubscribe?token=") && link.ends_with('>'), "{link}");
    assert_eq!(headers[2], json!({"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"}));
}

#[tokio::test]
async fn mail_about_an_account_has_nothing_to_unsubscribe_from() {
    let aws = Aws::start(ACCEPTS).await;
    send(&aws.url, notice()).await.unwrap();
    let headers = &aws.mails()[0]["Content"]["Simple"]["Headers"];
    assert_eq!(headers, &json!([{"Name": "Auto-Submitted", "Value": "auto-generated"}]));
}

#[tokio::test]
async fn an_address_that_ses_cannot_write_to_is_given_up() {
    let aws = Aws::start(ACCEPTS).await;
    let failure = send(&aws.url, notification("änn@example.com")).await.unwrap_err();
    assert!(matches!(&failure, Failure::Permanent { cause } if cause.contains("before the @-sign")), "{failure:?}");
    assert!(aws.mails().is_empty());
}

#[tokio::test]
async fn a_call_for_which_there_is_too_little_time_is_not_begun() {
    let aws = Aws::start(ACCEPTS).await;
    let result = send_within(&aws.url, notice(), SignedDuration::from_millis(2_999)).await;
    assert_eq!(retried(result), "there was too little time left to call SES");
    assert!(aws.mails().is_empty());
    send_within(&aws.url, notice(), SignedDuration::from_secs(3)).await.unwrap();
    assert_eq!(aws.mails().len(), 1);
}

#[tokio::test]
async fn what_ses_refuses_for_good_is_given_up() {
    let body = r#"{"message": "Illegal address"}"#;
    let aws = Aws::start(Ses::Answers(400, "BadRequestException", body)).await;
    let failure = send(&aws.url, notice()).await.unwrap_err();
    assert_eq!(failure, Failure::Permanent { cause: "SES rejected the mail: Illegal address".to_owned() });
}

#[tokio::test]
async fn each_attempt_asks_ses_once_whatever_it_answers() {
    for ses in [
        Ses::Answers(429, "TooManyRequestsException", "{}"),
        Ses::Answers(500, "InternalServiceErrorException", "{}"),
        Ses::Answers(503, "", "Service Unavailable"),
        Ses::Answers(200, "", "not JSON"),
        Ses::HangsUp,
    ] {
        let aws = Aws::start(ses).await;
        retried(send(&aws.url, notice()).await);
        assert_eq!(aws.mails().len(), 1);
    }
}

#[tokio::test]
async fn a_mail_that_ses_may_have_accepted_is_tried_again_with_that_in_the_cause() {
    for ses in [Ses::HangsUp, Ses::KeepsSilent] {
        let aws = Aws::start(ses).await;
        let cause = retried(send(&aws.url, notice()).await);
        assert!(cause.contains("may have accepted the mail"), "{cause}");
        assert_eq!(aws.mails().len(), 1);
    }
}
