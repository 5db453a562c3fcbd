//! What `COPY` and `ADD` copy, and where to.

use std::{os::unix::fs::symlink, process::Command};

use crate::Project;

#[test]
fn files_and_directories_go_where_dockers_go() {
    let project = Project::new(
        "FROM BASE\n\
         RUN mkdir /there && ln -s /there /link\n\
         COPY a.txt /one\n\
         COPY a.txt /there\n\
         COPY a.txt b.txt /many/\n\
         COPY dir /flat\n\
         COPY dir/ /link/\n\
         COPY *.txt /glob/\n\
         WORKDIR /rel\n\
         COPY a.txt .\n\
         COPY --parents dir/sub/./deep/f /par/\n\
         COPY --exclude=*.md dir /excl/\n",
    );
    for file in ["a.txt", "b.txt", "dir/x.md", "dir/y", "dir/sub/deep/f"] {
        project.file(file, file);
    }
    project.build(&[]);
    let said = project
        .shell("cd /; find one there many flat glob rel par excl -type f | sort; readlink /link");
    let expected = "excl/sub/deep/f\nexcl/y\nflat/sub/deep/f\nflat/x.md\nflat/y\nglob/a.txt\n\
        glob/b.txt\nmany/a.txt\nmany/b.txt\none\npar/deep/f\nrel/a.txt\nthere/a.txt\n\
        there/sub/deep/f\nthere/x.md\nthere/y\n/there";
    assert_eq!(said, expected);
}

#[test]
fn modes_links_and_times_come_along_and_owners_do_not() {
    let project = Project::new("FROM BASE\nCOPY d /d\n");
    project.file("d/f", "x");
    let d = project.context.path().join("d");
    symlink("f", d.join("s")).unwrap();
    std::fs::hard_link(d.join("f"), d.join("h")).unwrap();
    let set = Command::new("sh")
        .args([
            "-c",
            "chown 5:6 f && chmod 4711 f && touch -d @1000000000 f",
        ])
        .current_dir(&d)
        .status();
    assert!(set.unwrap().success());
    project.build(&[]);
    let said = project
        .shell("cd /d; stat -c '%u:%g %a %Y %h' f; readlink s; stat -c %i f h | uniq | wc -l");
    assert_eq!(said, "0:0 4711 1000000000 2\nf\n1");
}

#[test]
fn archives_are_unpacked_by_add_only() {
    let project = Project::new(
        "FROM BASE\nADD a.tar.gz a.tar.xz a.tar.bz2 a.tar.zst a.tar /out/\n\
         ADD --unpack=false a.tar /kept/\nCOPY a.tar /copied/\nADD plain /plain\n",
    );
    project.file("plain", "no archive");
    let script = "for f in gz xz bz2 zst; do echo $f > $f; done; echo none > none
        tar -czf a.tar.gz gz && tar -cJf a.tar.xz xz && tar -cjf a.tar.bz2 bz2
        tar --zstd -cf a.tar.zst zst && tar -cf a.tar none";
    let made = Command::new("sh")
        .args(["-ec", script])
        .current_dir(project.context.path())
        .status();
    assert!(made.unwrap().success());
    project.build(&[]);
    let said = project.shell("cd /; cat out/*; ls out kept copied; cat plain");
    assert_eq!(
        said,
        "bz2\ngz\nnone\nxz\nzst\ncopied:\na.tar\n\nkept:\na.tar\n\nout:\nbz2\ngz\nnone\nxz\nzst\nno archive"
    );
}

#[test]
fn ignored_files_are_not_there() {
    let project = Project::new("FROM BASE\nCOPY . /c/\n");
    for file in [
        "keep",
        "drop.log",
        "dir/drop.log",
        "dir/keep.log",
        "secret/key",
    ] {
        project.file(file, "x");
    }
    project.file(
        ".dockerignore",
        "**/*.log\n!dir/keep.log\nsecret\nDockerfile\n.dockerignore\n",
    );
    project.build(&[]);
    let said = project.shell("cd /c; find . -type f | sort");
    assert_eq!(said, "./dir/keep.log\n./keep");
}

#[test]
fn a_linked_copy_hides_nothing_of_what_lies_beneath() {
    let project =
        Project::new("FROM BASE\nCOPY --link a.txt /etc/new/\nCOPY --link a.txt /etc/a\n");
    project.file("a.txt", "x");
    project.build(&[]);
    let said = project.shell("cat /etc/new/a.txt /etc/a; grep -c root: /etc/passwd");
    assert_eq!(said, "xx1");
    // On another base the layers are the same, and are not made again.
    project.dockerfile(
        "FROM BASE\nRUN rm /etc/group\nCOPY --link a.txt /etc/new/\nCOPY --link a.txt /etc/a\n",
    );
    let again = project.build(&[]);
    assert_eq!(project.cached(&again), (2, 1), "{again}");
}
