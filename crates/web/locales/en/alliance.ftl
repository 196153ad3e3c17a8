# The first page, members, signing in.

home-title = The alliance
home-lede = Here the sensors around you answer to you. You can see what they record and why. You can also see who gets it, and you can say no.
home-deployments = Devices in use
home-deployments-none = No devices are registered yet.
home-deployments-lede = Each card leads to the public notice behind a QR sign.
home-run-by = Run by { $member }
home-members = Members by chamber
home-members-lede = { $members ->
    [one] One organisation in { $chambers ->
        [one] one chamber
       *[other] { $chambers } chambers
    } has joined.
   *[other] { $members } organisations in { $chambers ->
        [one] one chamber
       *[other] { $chambers } chambers
    } have joined.
}
home-members-none = Nobody has joined yet.
home-how = How it works
home-how-declare = Declare
home-how-declare-text = Whoever puts up devices must first say in public what they measure, why, and who gets it.
home-how-license = License
home-how-license-text = Without a licence of the alliance, nothing the devices send comes in.
home-how-choose = Choose
home-how-choose-text = You turn off what you do not want, or make it less exact. Your choice holds for the very next message.
home-how-prove = Prove
home-how-prove-text = What the alliance decides stands in a public record that nobody can change unseen.

member-chamber = Chamber
member-deployments = What it runs
member-deployments-none = This member runs no devices.
member-record = In the public record
member-record-none = The record holds nothing about this member yet.

