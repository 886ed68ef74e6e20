//! Answer files, read again by parsers.

use super::{Secrets, computer_name, disc};
use crate::model::first_run::Written;
use crate::model::sysprep::{NAMESPACE, WrittenWindows};
use crate::model::system::AnswerFile;
use crate::wire::Medium;
use roxmltree::{Document, Node};

const ODD: &str = "p<w>&\"d' ]]>ä$OrgName$";

fn secrets() -> Secrets {
    Secrets { administrator: ODD.to_owned(), domain: "j&in".to_owned() }
}

fn written() -> Written {
    let windows = WrittenWindows {
        organization: "School & Co".to_owned(),
        product_key: "ABCDE-12345-FGHIJ-67890-KLMNO".to_owned(),
        input_locale: "0407:00000407".to_owned(),
        domain: "school.example".to_owned(),
        unit: "OU=Labs,DC=school,DC=example".to_owned(),
        domain_user: "joiner".to_owned(),
        ..WrittenWindows::default()
    };
    let (host_name, time_zone) = ("lab-??".to_owned(), "Europe/Berlin".to_owned());
    Written { host_name, time_zone, user: "teacher".to_owned(), windows, ..Written::default() }
}

fn told(system: &str, written: &Written) -> (Medium, String) {
    let file = AnswerFile::of(system).unwrap();
    let mut disc = disc(file, &written.read(Some(file)).unwrap(), &secrets(), "desks-7").unwrap();
    (disc.medium, disc.files.remove(0).content)
}

/// The text at `pass/component/a/b`.
fn at<'a>(read: &'a Document<'a>, pass: &str, component: &str, path: &str) -> Option<&'a str> {
    let named = |parent: Node<'a, 'a>, name: &str| parent.children().find(|n| n.has_tag_name((NAMESPACE, name)));
    let pass = read.root_element().children().find(|n| n.attribute("pass") == Some(pass))?;
    let name = format!("Microsoft-Windows-{component}");
    let component = pass.children().find(|n| n.attribute("name") == Some(&name))?;
    assert_eq!(component.attribute("publicKeyToken"), Some("31bf3856ad364e35"));
    path.split('/').try_fold(component, named)?.text()
}

#[test]
fn what_windows_is_told() {
    let (medium, text) = told("windows_10x64", &written());
    assert!(medium == Medium::Cd && text.starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>"), "{text}");
    let read = Document::parse(&text).unwrap();
    assert!(read.root_element().has_tag_name((NAMESPACE, "unattend")));
    let machine = |path| at(&read, "specialize", "Shell-Setup", path);
    assert_eq!(machine("ComputerName"), Some("lab-07"));
    assert_eq!(machine("TimeZone"), Some("W. Europe Standard Time"));
    assert_eq!(machine("RegisteredOrganization"), Some("School & Co"));
    assert_eq!(machine("ProductKey"), Some("ABCDE-12345-FGHIJ-67890-KLMNO"));
    let join = |path| at(&read, "specialize", "UnattendedJoin", path);
    assert_eq!(join("Identification/JoinDomain"), Some("school.example"));
    assert_eq!(join("Identification/MachineObjectOU"), Some("OU=Labs,DC=school,DC=example"));
    assert_eq!(join("Identification/Credentials/Username"), Some("joiner"));
    assert_eq!(join("Identification/Credentials/Password"), Some("j&in"));
    let language = |path| at(&read, "oobeSystem", "International-Core", path);
    assert_eq!((language("InputLocale"), language("UILanguage")), (Some("0407:00000407"), Some("en-US")));
    let desktop = |path| at(&read, "oobeSystem", "Shell-Setup", path);
    assert_eq!(desktop("UserAccounts/AdministratorPassword/Value"), Some(ODD));
    assert_eq!(desktop("UserAccounts/LocalAccounts/LocalAccount/Name"), Some("teacher"));
    assert_eq!(desktop("UserAccounts/LocalAccounts/LocalAccount/Group"), Some("Administrators"));
    assert_eq!(desktop("OOBE/HideOnlineAccountScreens"), Some("true"));
    assert!(text.contains("processorArchitecture=\"amd64\"") && text.contains("wcm:action=\"add\""), "{text}");

    // Windows 7 stops at a setting that it does not know.
    let (_, text) = told("windows_7", &written());
    assert!(!text.contains("HideOnlineAccountScreens") && text.contains("processorArchitecture=\"x86\""), "{text}");
    let nothing = told("windows_11", &Written::default()).1;
    assert!(
        !nothing.contains("UnattendedJoin") && nothing.contains("<ComputerName>desks-7</ComputerName>"),
        "{nothing}"
    );
    let windows = WrittenWindows { workgroup: "LAB".to_owned(), ..WrittenWindows::default() };
    let group = told("windows_11", &Written { windows, ..Written::default() }).1;
    assert!(group.contains("<JoinWorkgroup>LAB</JoinWorkgroup>") && !group.contains("Credentials"), "{group}");
}

#[test]
fn what_older_ones_are_told() {
    let (medium, text) = told("windows_xp", &written());
    assert!(
        medium == Medium::Floppy && text.lines().count() > 15 && text.matches("\r\n").count() == text.lines().count()
    );
    for line in [
        "ComputerName=lab-07",
        "TimeZone=110",
        "OrgName=\"School & Co\"",
        "AdminPassword=\"p<w>&\"\"d' ]]>ä$OrgName$\"",
        "JoinDomain=school.example",
        "DomainAdminPassword=\"j&in\"",
        "InputLocale=0407:00000407",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} in {text}");
    }
    assert!(!text.contains("JoinWorkgroup") && !text.contains("SystemLocale"), "{text}");
}

#[test]
fn values_stay_values_in_an_answer_file_of_ones_own() {
    let script = format!(
        "<?xml version=\"1.0\"?>\n<unattend xmlns=\"{NAMESPACE}\" note=\"$AdminPassword$\"><!-- $ComputerName$ -->\
         <a>$ComputerName$: $OrgName$ costs 5$</a><b><![CDATA[$AdminPassword$]]></b><c/>$Unknown$</unattend>"
    );
    let (_, text) = told("windows_10x64", &Written { script, ..written() });
    let read = Document::parse(&text).unwrap();
    let text = |name: &str| read.descendants().find(|n| n.tag_name().name() == name).unwrap();
    assert_eq!(read.root_element().attribute("note"), Some(ODD));
    assert_eq!(text("a").text(), Some("lab-07: School & Co costs 5$"));
    let all: String = text("b").descendants().filter(Node::is_text).filter_map(|n| n.text()).collect();
    assert_eq!(all, ODD);
    assert_eq!(read.root_element().children().filter(Node::is_element).count(), 3);

    let script = "[UserData]\nComputerName=$ComputerName$\nFullName=\"$AdminPassword$\"\nOrgName=$OrgName$".to_owned();
    let (_, text) = told("windows_2003", &Written { script, ..written() });
    let wanted =
        "[UserData]\r\nComputerName=lab-07\r\nFullName=\"p<w>&\"\"d' ]]>ä$OrgName$\"\r\nOrgName=\"School & Co\"\r\n";
    assert_eq!(text, wanted);
}

#[test]
fn names_of_computers() {
    let names =
        ["web", "very-long-classroom-12", "a_b.c", "2026", "abcdefghijklmnopqrstuvwxyz", "x-123456789012345678"];
    let wanted = ["web", "very-long-cl-12", "a-b-c", "vm-2026", "abcdefghijklmno", "x-789012345678"];
    let made = names.map(computer_name);
    assert_eq!(made, wanted);
    assert!(made.iter().all(|name| name.len() <= 15));
}
