//! Hashes and proofs against known vectors and against another implementation.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use data_encoding::HEXLOWER;
use record::{
    ConsistencyProof, Hash, InclusionProof, ProofInvalid, empty_root, leaf_hash,
    verify_consistency, verify_inclusion,
};
use sha2::Sha256;

use crate::support::{append, entries, log, naive_root, verifier};

/// Leaves, and roots of the trees of the first 1 to 8 of them, from the Certificate Transparency reference tests.
const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn hex(text: &str) -> Hash {
    Hash(
        HEXLOWER
            .decode(text.as_bytes())
            .unwrap()
            .try_into()
            .unwrap(),
    )
}

fn vector_entries() -> Vec<Vec<u8>> {
    LEAVES
        .iter()
        .map(|leaf| HEXLOWER.decode(leaf.as_bytes()).unwrap())
        .collect()
}

#[test]
fn empty_tree_has_the_hash_of_nothing() {
    assert_eq!(
        empty_root(),
        hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    );
}

#[test]
fn trees_have_the_roots_of_the_certificate_transparency_vectors() {
    let mut store = log(&[]);
    for (entry, root) in vector_entries().into_iter().zip(ROOTS) {
        assert_eq!(append(&mut store, &[entry]).checkpoint.root, hex(root));
    }
}

#[test]
fn proofs_are_those_of_the_certificate_transparency_vectors() {
    let mut store = log(&[]);
    let checkpoint = append(&mut store, &vector_entries()).checkpoint;
    let proof = record::inclusion_proof(&mut store, &checkpoint, 0).unwrap();
    let expected = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ];
    assert_eq!(proof.path, expected.map(hex));
    let proof = record::consistency_proof(&mut store, &checkpoint, 6).unwrap();
    let expected = [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    assert_eq!(proof.path, expected.map(hex));
}

#[test]
fn roots_and_proofs_agree_with_another_implementation() {
    let mut store = log(&[]);
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in [1, 2, 3, 7, 8, 64, 255, 256, 257, 300, 513] {
        let batch = entries(tree.len()..size, "");
        let checkpoint = append(&mut store, &batch).checkpoint;
        batch.into_iter().for_each(|entry| tree.push(entry));
        assert_eq!(
            checkpoint.root.0.as_slice(),
            tree.root().as_bytes().as_slice()
        );
        for index in (0..size).filter(|index| size < 70 || index % 7 == 0) {
            let ours = record::inclusion_proof(&mut store, &checkpoint, index)
                .unwrap()
                .path;
            let theirs = tree.prove_inclusion(usize::try_from(index).unwrap());
            assert_eq!(
                ours.iter().flat_map(|hash| hash.0).collect::<Vec<_>>(),
                theirs.as_bytes(),
                "{index} {size}"
            );
            let ours = record::consistency_proof(&mut store, &checkpoint, index)
                .unwrap()
                .path;
            if index > 0 {
                let theirs = tree.prove_consistency(usize::try_from(size - index).unwrap());
                assert_eq!(
                    ours.iter().flat_map(|hash| hash.0).collect::<Vec<_>>(),
                    theirs.as_bytes()
                );
            }
        }
    }
}

/// Every way to bend a proof by one step.
fn bent_paths(path: &[Hash]) -> Vec<Vec<Hash>> {
    let mut bent = vec![
        [path, &[leaf_hash(b"more")]].concat(),
        [&[leaf_hash(b"more")], path].concat(),
    ];
    for position in 0..path.len() {
        let mut shorter = path.to_vec();
        shorter.remove(position);
        bent.push(shorter);
        let mut changed = path.to_vec();
        changed[position].0[position] ^= 1;
        bent.push(changed);
    }
    bent
}

#[test]
fn bent_inclusion_proofs_are_refused() {
    for size in 1..40_u64 {
        let entries = entries(0..size, "");
        let leaves = crate::support::leaves(&entries);
        let root = naive_root(&leaves);
        let mut store = log(&[size]);
        let checkpoint = record::checkpoint(&mut store, &verifier())
            .unwrap()
            .unwrap();
        for (index, leaf) in (0..).zip(&leaves) {
            let good = record::inclusion_proof(&mut store, &checkpoint, index).unwrap();
            assert_eq!(verify_inclusion(&good, leaf, &root), Ok(()));
            let other = leaf_hash(b"other");
            assert_eq!(
                verify_inclusion(&good, &other, &root),
                Err(ProofInvalid::WrongRoot)
            );
            assert!(verify_inclusion(&good, leaf, &other).is_err());
            for other_index in (0..size + 2).filter(|other| *other != index) {
                let proof = InclusionProof {
                    index: other_index,
                    ..good.clone()
                };
                assert!(
                    verify_inclusion(&proof, leaf, &root).is_err(),
                    "{index} as {other_index} of {size}"
                );
            }
            for path in bent_paths(&good.path) {
                assert!(
                    verify_inclusion(
                        &InclusionProof {
                            path,
                            ..good.clone()
                        },
                        leaf,
                        &root
                    )
                    .is_err()
                );
            }
        }
    }
}

#[test]
fn bent_consistency_proofs_are_refused() {
    for new_size in 1..40_u64 {
        let leaves = crate::support::leaves(&entries(0..new_size, ""));
        let new_root = naive_root(&leaves);
        let mut store = log(&[new_size]);
        let checkpoint = record::checkpoint(&mut store, &verifier())
            .unwrap()
            .unwrap();
        for old_size in 0..=new_size {
            let old_root = naive_root(&leaves[..usize::try_from(old_size).unwrap()]);
            let good = record::consistency_proof(&mut store, &checkpoint, old_size).unwrap();
            assert_eq!(verify_consistency(&good, &old_root, &new_root), Ok(()));
            let other = leaf_hash(b"other");
            assert!(verify_consistency(&good, &other, &new_root).is_err());
            assert!(old_size == 0 || verify_consistency(&good, &old_root, &other).is_err());
            assert!(
                old_size != new_size
                    || verify_consistency(&good, &other, &other).is_ok() == (old_size > 0)
            );
            let smaller = ConsistencyProof {
                new_size: old_size.saturating_sub(1),
                ..good.clone()
            };
            assert!(old_size == 0 || verify_consistency(&smaller, &old_root, &new_root).is_err());
            for path in bent_paths(&good.path) {
                let proof = ConsistencyProof {
                    path,
                    ..good.clone()
                };
                assert!(
                    verify_consistency(&proof, &old_root, &new_root).is_err(),
                    "{old_size} to {new_size}"
                );
            }
        }
    }
}

#[test]
fn proofs_about_impossible_positions_are_refused() {
    let root = empty_root();
    let inclusion = |index, size| InclusionProof {
        index,
        size,
        path: Vec::new(),
    };
    for (index, size) in [(0, 0), (1, 1), (u64::MAX, u64::MAX)] {
        assert_eq!(
            verify_inclusion(&inclusion(index, size), &root, &root),
            Err(ProofInvalid::Impossible)
        );
    }
    assert_eq!(
        verify_inclusion(&inclusion(0, u64::MAX), &root, &root),
        Err(ProofInvalid::WrongLength)
    );
    let proof = ConsistencyProof {
        old_size: 2,
        new_size: 1,
        path: Vec::new(),
    };
    assert_eq!(
        verify_consistency(&proof, &root, &root),
        Err(ProofInvalid::Impossible)
    );
    let proof = ConsistencyProof {
        old_size: 1,
        new_size: u64::MAX,
        path: Vec::new(),
    };
    assert_eq!(
        verify_consistency(&proof, &root, &root),
        Err(ProofInvalid::WrongLength)
    );
}
