//! `unattend.xml`: Microsoft's answer file, by the names of its components' settings.

use super::Answers;
use crate::model::sysprep::{Join, NAMESPACE};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::io::Cursor;

type Xml = Writer<Cursor<Vec<u8>>>;
type Done = std::io::Result<()>;

const SHELL: &str = "Microsoft-Windows-Shell-Setup";
const JOIN: &str = "Microsoft-Windows-UnattendedJoin";
const INTERNATIONAL: &str = "Microsoft-Windows-International-Core";
const ACTIONS: &str = "http://schemas.microsoft.com/WMIConfig/2002/State";

/// The file.
///
/// # Errors
/// The writer's (it writes to memory, so none is expected).
pub(super) fn write(answers: &Answers<'_>, architecture: &str, asks_more: bool) -> std::io::Result<String> {
    let mut w = Writer::new_with_indent(Cursor::new(Vec::new()), b' ', 2);
    w.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    element(&mut w, "unattend", &[("xmlns", NAMESPACE)], |w| {
        element(w, "settings", &[("pass", "specialize")], |w| {
            component(w, SHELL, architecture, |w| machine(w, answers))?;
            if answers.told.windows.join == Join::Nothing {
                return Ok(());
            }
            component(w, JOIN, architecture, |w| element(w, "Identification", &[], |w| join(w, answers)))
        })?;
        element(w, "settings", &[("pass", "oobeSystem")], |w| {
            component(w, INTERNATIONAL, architecture, |w| languages(w, answers))?;
            component(w, SHELL, architecture, |w| welcome(w, answers, asks_more))
        })
    })?;
    Ok(String::from_utf8_lossy(&w.into_inner().into_inner()).into_owned())
}

fn component(w: &mut Xml, name: &str, architecture: &str, inner: impl FnOnce(&mut Xml) -> Done) -> Done {
    let attributes = [
        ("name", name),
        ("processorArchitecture", architecture),
        ("publicKeyToken", "31bf3856ad364e35"),
        ("language", "neutral"),
        ("versionScope", "nonSxS"),
        ("xmlns:wcm", ACTIONS),
    ];
    element(w, "component", &attributes, inner)
}

fn machine(w: &mut Xml, answers: &Answers<'_>) -> Done {
    let windows = &answers.told.windows;
    leaf(w, "ComputerName", &answers.computer)?;
    some(w, "ProductKey", &windows.product_key)?;
    some(w, "RegisteredOrganization", &windows.organization)?;
    some(w, "RegisteredOwner", &answers.told.user)?;
    leaf(w, "TimeZone", answers.zone.name)
}

fn join(w: &mut Xml, answers: &Answers<'_>) -> Done {
    match &answers.told.windows.join {
        Join::Nothing => Ok(()),
        Join::Workgroup(name) => leaf(w, "JoinWorkgroup", name),
        Join::Domain { name, unit, user } => {
            element(w, "Credentials", &[], |w| {
                leaf(w, "Domain", name)?;
                leaf(w, "Password", &answers.secrets.domain)?;
                leaf(w, "Username", user)
            })?;
            leaf(w, "JoinDomain", name)?;
            some(w, "MachineObjectOU", unit)
        }
    }
}

fn languages(w: &mut Xml, answers: &Answers<'_>) -> Done {
    let windows = &answers.told.windows;
    leaf(w, "InputLocale", answers.locale(&windows.input_locale))?;
    leaf(w, "SystemLocale", answers.locale(&windows.system_locale))?;
    leaf(w, "UILanguage", answers.locale(&windows.ui_language))?;
    leaf(w, "UserLocale", answers.locale(&windows.user_locale))
}

/// What Windows would ask before it shows its desktop.
fn welcome(w: &mut Xml, answers: &Answers<'_>, asks_more: bool) -> Done {
    element(w, "OOBE", &[], |w| {
        leaf(w, "HideEULAPage", "true")?;
        if asks_more {
            for page in [
                "HideLocalAccountScreen",
                "HideOEMRegistrationScreen",
                "HideOnlineAccountScreens",
                "HideWirelessSetupInOOBE",
            ] {
                leaf(w, page, "true")?;
            }
        }
        leaf(w, "NetworkLocation", "Work")?;
        leaf(w, "ProtectYourPC", "1")
    })?;
    leaf(w, "TimeZone", answers.zone.name)?;
    accounts(w, answers)
}

fn accounts(w: &mut Xml, answers: &Answers<'_>) -> Done {
    let (password, user) = (&answers.secrets.administrator, &answers.told.user);
    // Who is no administrator yet is made one, with the same password.
    let own = !user.is_empty() && !user.eq_ignore_ascii_case("administrator");
    if password.is_empty() && !own {
        return Ok(());
    }
    let secret = |w: &mut Xml| {
        leaf(w, "Value", password)?;
        leaf(w, "PlainText", "true")
    };
    element(w, "UserAccounts", &[], |w| {
        if !password.is_empty() {
            element(w, "AdministratorPassword", &[], secret)?;
        }
        if !own {
            return Ok(());
        }
        element(w, "LocalAccounts", &[], |w| {
            element(w, "LocalAccount", &[("wcm:action", "add")], |w| {
                element(w, "Password", &[], secret)?;
                leaf(w, "DisplayName", user)?;
                leaf(w, "Group", "Administrators")?;
                leaf(w, "Name", user)
            })
        })
    })
}

fn element(w: &mut Xml, name: &str, attributes: &[(&str, &str)], inner: impl FnOnce(&mut Xml) -> Done) -> Done {
    w.create_element(name).with_attributes(attributes.iter().copied()).write_inner_content(inner).map(drop)
}

fn leaf(w: &mut Xml, name: &str, text: &str) -> Done {
    element(w, name, &[], |w| w.write_event(Event::Text(BytesText::new(text))))
}

fn some(w: &mut Xml, name: &str, text: &str) -> Done {
    if text.is_empty() { Ok(()) } else { leaf(w, name, text) }
}
