# The alliance office.

office-title = Office
office-lede = Licences of all deployments. Each act is written to the public record at once, with your reason.
office-none = No deployments are registered yet.
office-suspend = Suspend the licence
office-suspend-hint = The devices of this deployment are refused from the next packet on.
office-reinstate = Put the licence in force again
office-reinstate-hint = The devices of this deployment may send again at once.
office-reason = Reason
office-reason-hint = Public, in plain words, without names of people. At most { $limit } characters.
office-reason-missing = Write a reason: it will stand in the public record.
office-reason-long = The reason is { $length } characters long. Make it { $limit } or fewer.
office-state-changed = The licence is no longer in the state you saw. Look at the page again.
office-done-suspended = The licence of { $title } is suspended. Its devices are refused from now on.
office-done-reinstated = The licence of { $title } is in force again.
office-done-entry = See the entry in the public record
office-no-act = No act is open in this state.
office-title-error = Error: { $title }
