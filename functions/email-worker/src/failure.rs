//! What becomes of a mail that could not be sent.

use std::fmt::Display;
use std::time::Duration;

use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use peregrine_worker::Failure;

/// How long to wait at least for what an operator, or AWS, has to put right. With the usual twelve attempts that gives
/// them eleven hours.
const OPERATOR_WAIT: Duration = Duration::from_hours(1);
/// Most characters that are repeated of what SES says.
const MAX_MESSAGE: usize = 200;

fn retry_when_mended(cause: impl Display) -> Failure {
    Failure::Retry { cause: cause.to_string(), after: Some(OPERATOR_WAIT) }
}

/// What a failed call means for the mail. Only what is wrong with the mail itself is for good.
pub(crate) fn of_call<R>(error: &SdkError<SendEmailError, R>) -> Failure {
    match error {
        SdkError::ServiceError(answer) => of_answer(answer.err()),
        SdkError::ConstructionFailure(_) => Failure::retry("the call to SES could not be made"),
        SdkError::TimeoutError(_) => Failure::retry("SES did not answer in time; it may have accepted the mail"),
        SdkError::ResponseError(_) => Failure::retry("SES gave no readable answer; it may have accepted the mail"),
        // It tells nobody how far the request had got.
        _ => Failure::retry("the connection to SES failed; SES may have accepted the mail"),
    }
}

fn of_answer(error: &SendEmailError) -> Failure {
    match error {
        // SES says the same of a mail that it finds harmful and of an identity that is not verified yet: the sender's,
        // or the receiver's while the account is in the sandbox.
        SendEmailError::MessageRejected(rejected) => match rejected.message() {
            Some(message) if message.contains("not verified") => {
                retry_when_mended("SES rejected the mail: the sender, or in the sandbox the receiver, is not verified")
            }
            message => refused(message),
        },
        SendEmailError::BadRequestException(refusal) => refused(refusal.message()),
        SendEmailError::MailFromDomainNotVerifiedException(_) => {
            retry_when_mended("the domain that mail is sent from is not verified in SES")
        }
        SendEmailError::NotFoundException(_) => retry_when_mended("SES does not know the configuration set"),
        SendEmailError::SendingPausedException(_) => retry_when_mended("SES has paused sending"),
        SendEmailError::AccountSuspendedException(_) => retry_when_mended("SES has suspended the account"),
        SendEmailError::LimitExceededException(_) => retry_when_mended("the quota of SES is used up"),
        SendEmailError::TooManyRequestsException(_) => Failure::retry("SES takes no more mail at the moment"),
        // The function's rights are the operator's to give.
        _ if error.code().is_some_and(|code| code.contains("AccessDenied")) => retry_when_mended(
            "SES denies the function access to the sender's or, in the sandbox, the receiver's identity",
        ),
        // Expired credentials, failures within SES: nothing that is wrong with the mail.
        _ => Failure::retry(format!("SES failed: {}", error.code().unwrap_or("no reason given"))),
    }
}

/// For good, in the words of SES, unless an address is in them.
fn refused(message: Option<&str>) -> Failure {
    match message {
        Some(message) if !message.contains('@') && !message.contains(char::is_control) => {
            let message: String = message.chars().take(MAX_MESSAGE).collect();
            Failure::permanent(format!("SES rejected the mail: {message}"))
        }
        _ => Failure::permanent("SES rejected the mail"),
    }
}

#[cfg(test)]
mod tests;
