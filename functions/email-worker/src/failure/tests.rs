use aws_sdk_sesv2::error::ErrorMetadata;
use aws_sdk_sesv2::types::error::{
    AccountSuspendedException, BadRequestException, LimitExceededException, MailFromDomainNotVerifiedException,
    MessageRejected, NotFoundException, SendingPausedException, TooManyRequestsException,
};

use super::*;

fn failure(error: impl Into<SendEmailError>) -> Failure {
    of_call(&SdkError::service_error(error.into(), ()))
}

fn unknown(code: &str) -> Failure {
    failure(SendEmailError::generic(ErrorMetadata::builder().code(code).message("to ann@example.com").build()))
}

#[test]
fn a_mail_that_ses_will_never_take_is_given_up_with_the_reason() {
    let rejected = MessageRejected::builder().message("Email contains a virus").build();
    let error = SendEmailError::MessageRejected(rejected);
    assert_eq!(failure(error), Failure::permanent("SES rejected the mail: Email contains a virus"));
    let illegal = BadRequestException::builder().message("Illegal address").build();
    assert_eq!(
        failure(SendEmailError::BadRequestException(illegal)),
        Failure::permanent("SES rejected the mail: Illegal address")
    );
}

#[test]
fn no_address_is_in_a_reason() {
    for message in ["Illegal address: ann@example.com", "two\nlines"] {
        let error = SendEmailError::BadRequestException(BadRequestException::builder().message(message).build());
        assert_eq!(failure(error), Failure::permanent("SES rejected the mail"));
    }
    assert!(!unknown("Odd").to_string().contains("ann"));
}

#[test]
fn what_an_operator_can_mend_is_tried_for_hours() {
    let unverified = "Email address is not verified. The following identities failed the check: ann@example.com";
    for error in [
        SendEmailError::MessageRejected(MessageRejected::builder().message(unverified).build()),
        SendEmailError::MailFromDomainNotVerifiedException(MailFromDomainNotVerifiedException::builder().build()),
        SendEmailError::NotFoundException(NotFoundException::builder().build()),
        SendEmailError::SendingPausedException(SendingPausedException::builder().build()),
        SendEmailError::AccountSuspendedException(AccountSuspendedException::builder().build()),
        SendEmailError::LimitExceededException(LimitExceededException::builder().build()),
    ] {
        let Failure::Retry { cause, after } = failure(error) else { panic!("given up") };
        assert_eq!(after, Some(OPERATOR_WAIT), "{cause}");
        assert!(!cause.contains('@'), "{cause}");
    }
}

#[test]
fn rights_that_the_function_lacks_are_waited_for() {
    let denied = unknown("AccessDeniedException");
    assert!(matches!(denied, Failure::Retry { after: Some(OPERATOR_WAIT), .. }), "{denied:?}");
}

#[test]
fn what_passes_is_tried_again_soon() {
    let throttled = SendEmailError::TooManyRequestsException(TooManyRequestsException::builder().build());
    assert_eq!(failure(throttled), Failure::retry("SES takes no more mail at the moment"));
    for code in ["InternalServiceErrorException", "ThrottlingException", "ExpiredTokenException"] {
        assert_eq!(unknown(code), Failure::retry(format!("SES failed: {code}")));
    }
}

#[test]
fn where_nobody_knows_whether_ses_has_the_mail_it_is_sent_again() {
    for error in [SdkError::timeout_error("slow"), SdkError::response_error("cut off", ())] {
        let Failure::Retry { cause, .. } = of_call(&error) else { panic!("given up") };
        assert!(cause.contains("may have accepted"), "{cause}");
    }
}
