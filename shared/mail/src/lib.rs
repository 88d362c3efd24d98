//! The mails that the system sends: subjects, HTML and text.
