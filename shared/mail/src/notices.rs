//! The words of the mails about the security of an account.

use peregrine_core::mail::Notice;

/// What a notice says.
pub(crate) struct Words {
    pub(crate) subject: &'static str,
    pub(crate) text: &'static str,
    /// What to do, in front of a link to the page on which a new password can be asked for.
    pub(crate) advice: &'static str,
}

const IF_NOT_YOU: &str = "If that was not you, set a new password at once, which ends all sessions:";

/// The words of a notice. Nothing that anybody has chosen is among them, so that nobody can write to a stranger in our
/// name.
pub(crate) fn words_of(notice: Notice) -> Words {
    let (subject, text, advice) = match notice {
        Notice::PasswordChanged => (
            "Your password was changed",
            "The password of your account was changed, and all sessions were ended. If that was you, there is \
             nothing to do.",
            IF_NOT_YOU,
        ),
        Notice::PasswordReset => (
            "Your password was reset",
            "A new password was set for your account by a link from a mail, and all sessions were ended. If that was \
             you, there is nothing to do.",
            "If that was not you, somebody can read your mail: secure your mailbox first, and then set a new password:",
        ),
        Notice::EmailChanged => (
            "Your email address was changed",
            "Your account now has another email address, and no mail about it will reach this one any more. If that \
             was you, there is nothing to do.",
            "If that was not you, write to whoever runs this service. A new password can only be sent to the new \
             address:",
        ),
        Notice::UsernameChanged => (
            "Your username was changed",
            "Your account now has another username. If that was you, there is nothing to do.",
            IF_NOT_YOU,
        ),
        Notice::SecondFactorEnabled => (
            "A second factor was set up",
            "Signing in to your account now takes a code besides the password. If that was you, there is nothing to \
             do.",
            IF_NOT_YOU,
        ),
        Notice::SecondFactorDisabled => (
            "The second factor was removed",
            "Signing in to your account now takes the password alone. If that was you, there is nothing to do.",
            IF_NOT_YOU,
        ),
        Notice::RefreshTokenReused => (
            "A session of yours was ended",
            "What a session goes on with was used twice. Somebody may have copied it, so the session was ended. \
             Please sign in again.",
            "If you have not signed in lately, or this happens again, set a new password, which ends all sessions:",
        ),
        Notice::AlreadyRegistered => (
            "You already have an account",
            "Somebody, perhaps you, wanted to sign up with this address, which has an account already. Nothing has \
             changed. If it was not you, there is nothing to do.",
            "If you have forgotten your password, you can set a new one:",
        ),
    };
    Words { subject, text, advice }
}
