//! Whom the worker does not write to.

use local::{EmbeddedAws, Template};
use peregrine_core::aws::AwsSettings;
use peregrine_core::suppression::{Reason, Suppression};
use peregrine_core::table::{Client, Suppressions};
use peregrine_worker::Failure;

use crate::{email, noon, notice, notification, send};

#[tokio::test]
async fn an_address_on_the_list_gets_only_the_mail_that_the_list_lets_through() {
    let template = Template::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml")).unwrap();
    let aws = EmbeddedAws::start(&template).unwrap();
    let client = Client::new(&AwsSettings::at(aws.url()).sdk_config());
    let list = Suppressions::new(client, "SuppressionTable".to_owned());
    for reason in [Reason::Unsubscribed, Reason::Bounce] {
        let suppression = Suppression { reason, since: noon(), detail: None };
        list.put(&email("ann@example.com"), &suppression).await.unwrap();

        // Whoever asked for the mail is not told why.
        let given_up = Err(Failure::permanent("the address is on the list of those that get no such mail"));
        assert_eq!(send(aws.url(), notification("ann@example.com")).await, given_up);
        assert_eq!(send(aws.url(), notice()).await == given_up, reason == Reason::Bounce);
    }
}

#[tokio::test]
async fn a_mail_waits_while_the_list_cannot_be_read() {
    let template = Template::parse("Resources: {}", "template.yaml").unwrap();
    let aws = EmbeddedAws::start(&template).unwrap();
    let failure = send(aws.url(), notice()).await;
    // What AWS says of it is for the log alone.
    assert_eq!(failure, Err(Failure::retry("the list of addresses that get no mail could not be read")));
}
